"""Answers with the words 'true' and 'false' instead of True and False."""


def review_why_stream():
    return {
        "shorter_total": "false",
        "earlier_first": "true",
        "text_is_live": "false",
        "median_gap": "false",
        "collected": "true",
        "only_first": "false",
        "one_by_one": "true",
        "less_work": "false",
        "beyond_reading": "true",
        "same_kind": "false",
        "sse_in_chunks": "true",
        "no_websocket": "false",
    }
