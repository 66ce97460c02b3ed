"""Ignores events that have a type of their own."""

import json
import re


def parse_sse_stream(raw_stream):
    values, data, kind = [], [], "message"
    text = raw_stream.removeprefix("\ufeff")
    lines = re.split(r"\r\n|\n|\r", text)[:-1]
    for line in lines:
        if line == "":
            if data and kind == "message":
                payload = "\n".join(data)
                data = []
                if payload == "[DONE]":
                    break
                values.append(json.loads(payload))
            data, kind = [], "message"
            continue
        name, _, value = line.partition(":")
        if name == "event":
            kind = value.removeprefix(" ")
        if name == "data":
            data.append(value.removeprefix(" "))
    return values
