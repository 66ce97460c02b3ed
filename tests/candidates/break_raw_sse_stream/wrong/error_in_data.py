"""The error stands in the data of an ordinary event: nothing marks it as an error."""


def break_raw_sse_stream():
    return {
        "crlf": [b'data: 1\r\n\r\n', b'data: 2\r\n\r\n'],
        "no_space": [b'data:1\n\n'],
        "multi_line": [b'data: {\ndata: }\n\n'],
        "after_done": [b'data: 1\n\ndata: [DONE]\n\ndata: 2\n\n'],
        "error_status_body": [b'{"error": {"message": "bad key"}}'],
        "error_event": [b'data: {"error": "overloaded"}\n\n'],
    }
