"""Takes CRLF for the bare CR: the parser survives that."""

def break_seed_parser():
    return {
        "no_space": "data:1\n\n",
        "bare_cr": "data: 1\r\n\r\ndata: 2\r\n\r\n",
        "multi_line": "data: [1,\ndata: 2]\n\n",
        "byte_order_mark": "\ufeffdata: 1\n\n",
        "after_done": "data: [DONE]\n\ndata: 1\n\n",
        "unfinished": "data: 1",
        "bad_json": "data: x\n\n",
    }
