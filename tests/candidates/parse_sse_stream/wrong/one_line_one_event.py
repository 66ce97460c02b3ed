"""Takes each data line for an event of its own, and waits for no blank line."""

import json
import re


def parse_sse_stream(raw_stream):
    values = []
    for line in re.split(r"\r\n|\n|\r", raw_stream.removeprefix("\ufeff")):
        name, _, value = line.partition(":")
        if name != "data":
            continue
        payload = value.removeprefix(" ")
        if payload == "[DONE]":
            return values
        values.append(json.loads(payload))
    return values
