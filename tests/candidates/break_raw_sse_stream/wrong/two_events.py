"""Takes two events of one line each for an event of two lines."""


def break_raw_sse_stream():
    return {
        "crlf": [b'data: 1\r\n\r\n', b'data: 2\r\n\r\n'],
        "no_space": [b'data:1\n\n'],
        "multi_line": [b'data: {\n\ndata: }\n\n'],
        "after_done": [b'data: 1\n\ndata: [DONE]\n\ndata: 2\n\n'],
        "error_status_body": [b'{"error": {"message": "bad key"}}'],
        "error_event": [b'data: 1\n\nevent: error\ndata: {"error": "overloaded"}\n\n'],
    }
