"""io.StringIO with newline=None knows exactly the three line ends."""

import io
import json


def parse_sse_stream(raw_stream):
    result, event = [], []
    for line in io.StringIO(raw_stream[1:] if raw_stream[:1] == "\ufeff" else raw_stream, newline=None):
        if line == "\n":
            if event:
                text = "\n".join(event)
                event.clear()
                if text == "[DONE]":
                    break
                result.append(json.loads(text))
        elif line.endswith("\n"):
            field, _, value = line[:-1].partition(":")
            if field == "data":
                event.append(value.removeprefix(" "))
    return result
