"""Two marks: the second one is text, so that nothing is lost."""

def break_seed_parser():
    return {
        "no_space": "data:1\n\n",
        "bare_cr": "data: 1\r\rdata: 2\r\r",
        "multi_line": "data: [1,\ndata: 2]\n\n",
        "byte_order_mark": "\ufeff\ufeffdata: 1\n\n",
        "after_done": "data: [DONE]\n\ndata: 1\n\n",
        "unfinished": "data: 1",
        "bad_json": "data: x\n\n",
    }
