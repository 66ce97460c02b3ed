"""Lines by str.splitlines, which also cuts at U+2028, U+0085, VT and FF."""

import json


def parse_sse_stream(raw_stream):
    values, data = [], []
    text = raw_stream.removeprefix("\ufeff")
    lines = text.splitlines()
    for line in lines:
        if line == "":
            if data:
                payload = "\n".join(data)
                data = []
                if payload == "[DONE]":
                    break
                values.append(json.loads(payload))
            continue
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
    return values
