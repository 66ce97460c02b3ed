"""Normalises the line ends, then cuts the text into blocks."""

import json


def payloads(text):
    *blocks, _unfinished = text.split("\n\n")
    for block in blocks:
        fields = [line.partition(":") for line in block.split("\n")]
        data = [value.removeprefix(" ") for name, _, value in fields if name == "data"]
        if data:
            yield "\n".join(data)


def parse_sse_stream(raw_stream):
    text = raw_stream.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    values = []
    for payload in payloads(text):
        if payload == "[DONE]":
            break
        values.append(json.loads(payload))
    return values
