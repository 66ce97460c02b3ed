"""Believes that a chunk written is a chunk read, at least at home."""


def review_chunked() -> dict:
    return {
        "everywhere": False,
        "no_length": True,
        "http2": False,
        "same_level": False,
        "close_ends": True,
        "keep_alive": False,
        "content_type": True,
        "one_read": True,
        "recut": True,
        "inside_character": False,
        "faithful": True,
        "browser": False,
        "error_text": False,
        "status_500": False,
        "truncation": True,
        "one_exception": False,
    }
