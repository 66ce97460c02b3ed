"""Guessing: one unfinished stream under every name."""

def break_seed_parser():
    return {
        "no_space": "data: 1",
        "bare_cr": "data: 1",
        "multi_line": "data: 1",
        "byte_order_mark": "data: 1",
        "after_done": "data: 1",
        "unfinished": "data: 1",
        "bad_json": "data: 1",
    }
