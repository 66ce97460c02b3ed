"""Skips lines without a colon, so that a bare `data` is no data."""

import json
import re


def parse_sse_stream(raw_stream):
    values, data = [], []
    text = raw_stream.removeprefix("\ufeff")
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
        if ":" not in line:
            continue
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
    return values
