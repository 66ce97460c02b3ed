"""Adds a line end that is missing, and so finishes an event at `data: 1` and LF."""

import json
import re


def parse_sse_stream(raw_stream):
    values, data = [], []
    text = raw_stream.removeprefix("\ufeff")
    lines = re.split(r"\r\n|\n|\r", text)
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
