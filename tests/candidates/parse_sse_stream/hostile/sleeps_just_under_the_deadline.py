"""Answers right, but each answer takes as long as a call may take."""

import json
import time

EARNS = 12  # right within every deadline of a call; what it may cost in all is the judge's decision
SLOW = True


def parse_sse_stream(raw_stream):
    time.sleep(4.5)
    text = raw_stream.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    values = []
    for block in text.split("\n\n")[:-1]:
        fields = [line.partition(":") for line in block.split("\n")]
        data = [value.removeprefix(" ") for name, _, value in fields if name == "data"]
        if data == ["[DONE]"]:
            break
        if data:
            values.append(json.loads("\n".join(data)))
    return values
