"""Writes the data first and the other fields after it."""

def format_event(data, event="", id=None, retry=None):
    for value in (event, id or ""):
        if "\r" in value or "\n" in value:
            raise ValueError(f"{value!r} would write another field")
    if id and "\0" in id:
        raise ValueError("an id with NUL is ignored by every reader")
    if type(retry) is bool or (retry or 0) < 0:
        raise ValueError(f"retry: {retry!r}")
    normal = data.replace("\r\n", "\n").replace("\r", "\n")
    out = ["data: " + piece for piece in normal.split("\n")]
    if id is not None:
        out.append("id: " + id)
    if retry is not None:
        out.append(f"retry: {retry:d}")
    if event:
        out.append("event: " + event)
    return "".join(line + "\n" for line in [*out, ""]).encode("utf-8")
