"""Believes what the two introductions say."""


def review_chunked() -> dict:
    return {
        "everywhere": True,
        "no_length": True,
        "http2": False,
        "same_level": True,
        "close_ends": True,
        "keep_alive": True,
        "content_type": True,
        "one_read": False,
        "recut": True,
        "inside_character": True,
        "faithful": False,
        "browser": True,
        "error_text": False,
        "status_500": False,
        "truncation": True,
        "one_exception": False,
    }
