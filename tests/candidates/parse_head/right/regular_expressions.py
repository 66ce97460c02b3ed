"""One expression per kind of line, on bytes."""

import re

STATUS = re.compile(rb"HTTP/\d\.\d (\d\d\d)(?: ([^\n]*?))?\r?\n")
FIELD = re.compile(rb"([^\s:]+):[ \t]*([^\n]*?)[ \t]*\r?\n")
BLANK = re.compile(rb"\r?\n")


def parse_head(data: bytes) -> dict | None:
    if not re.search(rb"\n\r?\n", data):
        if len(data) > 65_536:
            raise ValueError("no end of the head")
        return None
    match = STATUS.match(data)
    if not match:
        raise ValueError("no status line")
    status, reason = int(match[1]), (match[2] or b"").decode("latin-1")
    headers, at = [], match.end()
    while not (blank := BLANK.match(data, at)):
        field = FIELD.match(data, at)
        if not field:
            raise ValueError("no header line")
        headers.append([part.decode("latin-1") for part in (field[1].lower(), field[2])])
        at = field.end()
    return {"status": status, "reason": reason, "headers": headers, "rest": data[blank.end() :]}
