"""Names the true claims; all others are false."""


def review_why_stream():
    codes = (
        "shorter_total",
        "earlier_first",
        "text_is_live",
        "median_gap",
        "collected",
        "only_first",
        "one_by_one",
        "less_work",
        "beyond_reading",
        "same_kind",
        "sse_in_chunks",
        "no_websocket",
    )
    true = {"earlier_first", "collected", "one_by_one", "beyond_reading", "sse_in_chunks"}
    return {code: code in true for code in codes}
