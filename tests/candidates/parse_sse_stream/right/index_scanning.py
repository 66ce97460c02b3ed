"""Walks through the text with find, and copies no rest."""

import json


def lines(text):
    place = 1 if text[:1] == "\ufeff" else 0
    lf, cr = text.find("\n", place), text.find("\r", place)
    while lf >= 0 or cr >= 0:
        end = min(lf if lf >= 0 else cr, cr if cr >= 0 else lf)
        yield text[place:end]
        place = end + (2 if text.startswith("\r\n", end) else 1)
        if 0 <= lf < place:
            lf = text.find("\n", place)
        if 0 <= cr < place:
            cr = text.find("\r", place)


def parse_sse_stream(raw_stream):
    out, collected = [], []
    for line in lines(raw_stream):
        if line:
            if line.split(":", 1)[0] == "data":
                value = line[5:]
                collected.append(value[1:] if value.startswith(" ") else value)
            continue
        if not collected:
            continue
        payload, collected = "\n".join(collected), []
        if payload == "[DONE]":
            return out
        try:
            out.append(json.loads(payload))
        except ValueError:
            raise ValueError("a payload is not JSON") from None
    return out
