"""Catches one exception class and takes it for all."""


def review_chunked() -> dict:
    return {
        "everywhere": False,
        "no_length": True,
        "http2": False,
        "same_level": False,
        "close_ends": True,
        "keep_alive": False,
        "content_type": True,
        "one_read": False,
        "recut": True,
        "inside_character": True,
        "faithful": False,
        "browser": False,
        "error_text": False,
        "status_500": False,
        "truncation": True,
        "one_exception": True,
    }
