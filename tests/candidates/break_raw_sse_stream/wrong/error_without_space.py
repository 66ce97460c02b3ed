"""The error event has no space after the colons: repairing one fault is not enough."""


def break_raw_sse_stream():
    return {
        "crlf": [b'data: 1\r\n\r\n', b'data: 2\r\n\r\n'],
        "no_space": [b'data:1\n\n'],
        "multi_line": [b'data: {\ndata: }\n\n'],
        "after_done": [b'data: 1\n\ndata: [DONE]\n\ndata: 2\n\n'],
        "error_status_body": [b'{"error": {"message": "bad key"}}'],
        "error_event": [b'event:error\ndata:overloaded\n\n'],
    }
