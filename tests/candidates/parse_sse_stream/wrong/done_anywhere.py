"""Ends the stream at any payload that contains `[DONE]`."""

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
                if "[DONE]" in payload:
                    break
                values.append(json.loads(payload))
            continue
        name, _, value = line.partition(":")
        if name == "data":
            data.append(value.removeprefix(" "))
    return values
