"""Parses every event first and cuts at `[DONE]` afterwards: bad JSON behind the marker raises."""

import json
import re


def parse_sse_stream(raw_stream):
    payloads, data = [], []
    for line in re.split(r"\r\n|\n|\r", raw_stream.removeprefix("\ufeff"))[:-1]:
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
        elif data:
            payloads.append("\n".join(data))
            data = []
    values = [payload if payload == "[DONE]" else json.loads(payload) for payload in payloads]
    return values[: payloads.index("[DONE]")] if "[DONE]" in payloads else values
