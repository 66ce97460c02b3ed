"""Guessing: one stream that shows all the faults, under every name."""

def break_seed_parser():
    return {
        "no_space": "\ufeffdata:1\r\rdata: [1,\ndata: 2]\n\ndata: [DONE]\n\ndata: x\n\ndata: 3",
        "bare_cr": "\ufeffdata:1\r\rdata: [1,\ndata: 2]\n\ndata: [DONE]\n\ndata: x\n\ndata: 3",
        "multi_line": "\ufeffdata:1\r\rdata: [1,\ndata: 2]\n\ndata: [DONE]\n\ndata: x\n\ndata: 3",
        "byte_order_mark": "\ufeffdata:1\r\rdata: [1,\ndata: 2]\n\ndata: [DONE]\n\ndata: x\n\ndata: 3",
        "after_done": "\ufeffdata:1\r\rdata: [1,\ndata: 2]\n\ndata: [DONE]\n\ndata: x\n\ndata: 3",
        "unfinished": "\ufeffdata:1\r\rdata: [1,\ndata: 2]\n\ndata: [DONE]\n\ndata: x\n\ndata: 3",
        "bad_json": "\ufeffdata:1\r\rdata: [1,\ndata: 2]\n\ndata: [DONE]\n\ndata: x\n\ndata: 3",
    }
