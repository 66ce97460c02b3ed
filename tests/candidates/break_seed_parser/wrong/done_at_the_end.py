"""A marker with nothing behind it shows nothing."""

def break_seed_parser():
    return {
        "no_space": "data:1\n\n",
        "bare_cr": "data: 1\r\rdata: 2\r\r",
        "multi_line": "data: [1,\ndata: 2]\n\n",
        "byte_order_mark": "\ufeffdata: 1\n\n",
        "after_done": "data: 1\n\ndata: [DONE]\n\n",
        "unfinished": "data: 1",
        "bad_json": "data: x\n\n",
    }
