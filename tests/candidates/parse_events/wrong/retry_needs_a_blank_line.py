"""retry counts only when its block ends."""

import re


def parse_events(raw):
    events, last_id, retry = [], "", None
    kind, data, new_id, new_retry = "", [], "", None
    lines = re.split(r"\r\n|\n|\r", raw)[:-1]
    for line in lines:
        if line == "":
            last_id, retry = new_id, new_retry
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
            if "\0" not in value:
                new_id = value
        elif name == "retry":
            if re.fullmatch("[0-9]+", value):
                new_retry = int(value)
    return {"events": events, "last_event_id": last_id, "retry": retry}
