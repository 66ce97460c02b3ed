"""Believes that chunked coding goes on in HTTP/2, and that HTTP/1.0 needs a length."""


def review_chunked() -> dict:
    return {
        "everywhere": False,
        "no_length": True,
        "http2": True,
        "same_level": False,
        "close_ends": False,
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
        "one_exception": False,
    }
