"""Cuts the raw text at `data: [DONE]` before parsing, also inside a string."""

import json
import re


def parse_sse_stream(raw_stream):
    values, data = [], []
    text = raw_stream.removeprefix("\ufeff").split("data: [DONE]")[0]
    lines = re.split(r"\r\n|\n|\r", text)[:-1]
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
