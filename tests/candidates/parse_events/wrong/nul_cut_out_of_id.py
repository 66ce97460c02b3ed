"""Removes NUL from an id instead of ignoring the field."""

import re


def parse_events(raw):
    events, last_id, retry = [], "", None
    kind, data, new_id = "", [], ""
    lines = re.split(r"\r\n|\n|\r", raw)[:-1]
    for line in lines:
        if line == "":
            last_id = new_id
            if data:
                events.append({"event": kind or "message", "data": "\n".join(data), "id": last_id})
            kind, data = "", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id":
            new_id = value.replace("\0", "")
        elif name == "retry":
            if re.fullmatch("[0-9]+", value):
                retry = int(value)
    return {"events": events, "last_event_id": last_id, "retry": retry}
