"""Cut everywhere, also inside CRLF, with real payloads and characters beyond ASCII."""


def break_raw_sse_stream():
    return {
        "crlf": [b'data: {"a": 1}\r', b'\n\r', b'\n', b'data: \xc3\xa9\r\n', b'\r\n'],
        "no_space": [b'data: 1\n\nda', b'ta:2\n', b'\nevent: x\ndata:3\n\n'],
        "multi_line": [b'event: log\ndata: one\n', b'data: two\ndata: \n', b'\n'],
        "after_done": [b'data: [DONE]\n\n', b'data: [DONE]\n\n', b'data: late\n\n'],
        "error_status_body": [b'{\n', b'  "error": {\n    "code": 401\n  }\n', b'}\n\n'],
        "error_event": [b'event: error\n', b'data: \xc3\xbcberlastet\n\n', b'data: never seen\n\n'],
    }
