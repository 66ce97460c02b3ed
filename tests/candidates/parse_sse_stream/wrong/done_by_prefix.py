"""Takes every payload that starts with `[DONE]` for the marker."""

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
                if payload.startswith("[DONE]"):
                    break
                values.append(json.loads(payload))
            continue
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
    return values
