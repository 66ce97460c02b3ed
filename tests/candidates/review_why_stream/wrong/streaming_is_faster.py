"""Takes what is perceived for the total."""


def review_why_stream():
    return {
        "shorter_total": True,
        "earlier_first": True,
        "text_is_live": False,
        "median_gap": False,
        "collected": True,
        "only_first": False,
        "one_by_one": True,
        "less_work": True,
        "beyond_reading": True,
        "same_kind": False,
        "sse_in_chunks": True,
        "no_websocket": False,
    }
