"""Copies the rest of the text after each event."""

import json


def parse_sse_stream(raw_stream):
    values = []
    rest = raw_stream.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    while "\n\n" in rest:
        block, rest = rest.split("\n\n", 1)
        data = []
        for line in block.split("\n"):
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
        if data:
            payload = "\n".join(data)
            if payload == "[DONE]":
                break
            values.append(json.loads(payload))
    return values
