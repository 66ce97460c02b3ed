"""Answers with 1 and 0 instead of True and False."""


def review_why_stream():
    return {
        "shorter_total": 0,
        "earlier_first": 1,
        "text_is_live": 0,
        "median_gap": 0,
        "collected": 1,
        "only_first": 0,
        "one_by_one": 1,
        "less_work": 0,
        "beyond_reading": 1,
        "same_kind": 0,
        "sse_in_chunks": 1,
        "no_websocket": 0,
    }
