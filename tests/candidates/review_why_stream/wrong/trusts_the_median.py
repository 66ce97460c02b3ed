"""Takes a smaller median gap for a better stream."""


def review_why_stream():
    return {
        "shorter_total": False,
        "earlier_first": True,
        "text_is_live": False,
        "median_gap": True,
        "collected": True,
        "only_first": False,
        "one_by_one": True,
        "less_work": False,
        "beyond_reading": True,
        "same_kind": False,
        "sse_in_chunks": True,
        "no_websocket": False,
    }
