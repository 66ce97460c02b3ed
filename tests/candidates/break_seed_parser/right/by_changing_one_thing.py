"""Starts from a stream that works and changes one thing each time."""

WORKS = "data: 1\n\ndata: 2\n\n"


def break_seed_parser():
    return {
        "no_space": WORKS.replace("data: 2", "data:2"),
        "bare_cr": WORKS.replace("\n", "\r"),
        "multi_line": WORKS.replace("2", "[\ndata: 2\ndata: ]"),
        "byte_order_mark": "\ufeff" + WORKS,
        "after_done": "data: [DONE]\n\n" + WORKS,
        "unfinished": WORKS.rstrip("\n"),
        "bad_json": WORKS.replace("2", "two"),
        "a_name_nobody_asked_for": WORKS,
    }
