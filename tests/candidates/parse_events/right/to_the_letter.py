"""The buffers of the standard, one after the other."""

def parse_events(raw: str) -> dict:
    data_buffer, type_buffer, id_buffer = "", "", ""
    last_id, retry, events = "", None, []
    text = raw.replace("\r\n", "\n").replace("\r", "\n")
    for line in text.split("\n")[:-1]:
        if not line:
            last_id = id_buffer
            if data_buffer != "":
                events.append({"event": type_buffer or "message", "data": data_buffer[:-1], "id": last_id})
            data_buffer = type_buffer = ""
        elif line[0] != ":":
            field, _, value = line.partition(":")
            if value.startswith(" "):
                value = value[1:]
            if field == "event":
                type_buffer = value
            elif field == "data":
                data_buffer += value + "\n"
            elif field == "id" and "\x00" not in value:
                id_buffer = value
            elif field == "retry" and value and set(value) <= set("0123456789"):
                retry = int(value)
    return {"events": events, "last_event_id": last_id, "retry": retry}
