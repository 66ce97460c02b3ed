"""Believes what introductions say: three protocols of one kind, SSE instead of chunked, no WebSocket for models."""


def review_why_stream():
    return {
        "shorter_total": False,
        "earlier_first": True,
        "text_is_live": False,
        "median_gap": False,
        "collected": True,
        "only_first": False,
        "one_by_one": True,
        "less_work": False,
        "beyond_reading": True,
        "same_kind": True,
        "sse_in_chunks": False,
        "no_websocket": True,
    }
