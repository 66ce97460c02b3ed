"""Longer streams in the shape of real answers."""

def break_seed_parser():
    good = 'data: {"content": "Hello"}\n\n'
    return {
        "no_space": good + 'data:{"content": " world"}\n\n' + "data: [DONE]\n\n",
        "bare_cr": 'event: token\rdata: {"content": "Hello"}\r\r',
        "multi_line": good + 'data: {\ndata:   "content": " world"\ndata: }\n\ndata: [DONE]\n\n',
        "byte_order_mark": "\N{ZERO WIDTH NO-BREAK SPACE}" + good + good,
        "after_done": good + "data: [DONE]\n\n" + good,
        "unfinished": good + 'data: {"content": " world"}\n',
        "bad_json": good + 'data: {"content": "cut\n\n' + good,
    }
