"""Believes that a failure after the head still reaches the client as text or status."""


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
        "error_text": True,
        "status_500": True,
        "truncation": False,
        "one_exception": False,
    }
