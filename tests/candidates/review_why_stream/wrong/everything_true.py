"""Says True to everything."""


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
    return dict.fromkeys(codes, True)
