"""io.StringIO splits lines at LF only: a bare CR ends nothing."""

import io
import json


def parse_sse_stream(raw_stream):
    values, data = [], []
    for line in io.StringIO(raw_stream.removeprefix("\ufeff")):
        if not line.endswith("\n"):
            break
        line = line.rstrip("\r\n")
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                data.append(value.removeprefix(" "))
        elif data:
            payload = "\n".join(data)
            data.clear()
            if payload == "[DONE]":
                break
            values.append(json.loads(payload))
    return values
