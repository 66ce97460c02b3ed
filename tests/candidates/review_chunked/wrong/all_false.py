"""Takes every claim for false."""


def review_chunked() -> dict:
    codes = (
        "everywhere",
        "no_length",
        "http2",
        "same_level",
        "close_ends",
        "keep_alive",
        "content_type",
        "one_read",
        "recut",
        "inside_character",
        "faithful",
        "browser",
        "error_text",
        "status_500",
        "truncation",
        "one_exception",
    )
    return dict.fromkeys(codes, False)
