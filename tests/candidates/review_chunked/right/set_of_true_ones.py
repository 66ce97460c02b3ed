"""Lists what is true; everything else is false."""


def review_chunked() -> dict:
    codes = (
        "browser",
        "close_ends",
        "content_type",
        "error_text",
        "everywhere",
        "faithful",
        "http2",
        "inside_character",
        "keep_alive",
        "no_length",
        "one_exception",
        "one_read",
        "recut",
        "same_level",
        "status_500",
        "truncation",
    )
    true = {"no_length", "close_ends", "content_type", "recut", "inside_character", "truncation"}
    return {code: code in true for code in codes}
