"""Takes a comment for the end of an event."""

import json
import re


def parse_sse_stream(raw_stream):
    values, data = [], []
    text = raw_stream.removeprefix("\ufeff")
    lines = re.split(r"\r\n|\n|\r", text)[:-1]
    for line in lines:
        if line == "" or line[0] == ":":
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
