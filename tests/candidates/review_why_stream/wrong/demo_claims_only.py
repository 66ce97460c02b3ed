"""Answers only the claims that the runs decide."""


def review_why_stream():
    return {"shorter_total": False, "earlier_first": True, "text_is_live": False, "median_gap": False}
