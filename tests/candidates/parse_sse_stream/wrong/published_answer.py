"""The answer as it was published: blocks at two LFs, `data: ` with a space, errors swallowed."""

import json


def parse_sse_stream(raw_stream):
    messages = []
    for block in raw_stream.split("\n\n"):
        for line in block.strip().split("\n"):
            if line.startswith("data: "):
                payload = line[6:]
                if payload == "[DONE]":
                    continue
                try:
                    messages.append(json.loads(payload))
                except json.JSONDecodeError:
                    pass
    return messages
