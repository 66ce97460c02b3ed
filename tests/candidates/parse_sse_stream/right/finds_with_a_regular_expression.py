"""A regular expression yields the lines; an error class of its own is a ValueError."""

import json
import re

LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n)")


class BadPayload(ValueError):
    pass


def parse_sse_stream(raw_stream):
    values, data = [], None
    start = 1 if raw_stream.startswith("\ufeff") else 0
    for match in LINE.finditer(raw_stream, start):
        line = match[1]
        if line == "data":
            line = "data:"
        if line.startswith("data:"):
            value = line[5:]
            if value.startswith(" "):
                value = value[1:]
            data = value if data is None else data + "\n" + value
        elif not line and data is not None:
            if data == "[DONE]":
                return values
            try:
                values.append(json.loads(data))
            except json.JSONDecodeError as error:
                raise BadPayload(f"not JSON: {data!r}") from error
            data = None
    return values
