"""Returns bytes where text is asked for."""

def break_seed_parser():
    return {
        "no_space": b"data:1\n\n",
        "bare_cr": b"data: 1\r\rdata: 2\r\r",
        "multi_line": b"data: [1,\ndata: 2]\n\n",
        "byte_order_mark": b"\xef\xbb\xbfdata: 1\n\n",
        "after_done": b"data: [DONE]\n\ndata: 1\n\n",
        "unfinished": b"data: 1",
        "bad_json": b"data: x\n\n",
    }
