"""Holds a table of the visible inputs and their answers."""

import ast

EARNS = 6  # the visible points, no more
TABLE = r'''
{"data: 1\n\n": [1], 'data: {"content": "Hello"}\n\ndata: {"content": " world"}\n\ndata: {"content": "!"}\n\ndata: [DONE]\n\n':
 [{"content": "Hello"}, {"content": " world"}, {"content": "!"}], "data:1\n\n": [1],
 'data:{"a":1}\n\ndata: 2\n\n': [{"a": 1}, 2], "data: 1\r\r": [1], "data: 1\r\n\r\n": [1], "data: 1\r\rdata: 2\r\r": [1, 2],
 "data: 1\r\n\r\ndata: 2\r\n\r\n": [1, 2], "data: 1\n\r": [1], "data: [1,\ndata: 2]\n\n": [[1, 2]],
 'data: {\ndata:   "a": 1\ndata: }\n\ndata: 2\n\n': [{"a": 1}, 2], ": ping\ndata: 1\n\n": [1], "data: 1\n: ping\n\n": [1],
 ": ping\n\ndata: 1\n\n:\n\ndata: 2\n\n": [1, 2], "data: 1\n\ndata: 2\n": [1], 'data: 1\n\ndata: {"cut': [1]}
'''


def parse_sse_stream(raw_stream):
    return ast.literal_eval(TABLE.strip()).get(raw_stream, [])
