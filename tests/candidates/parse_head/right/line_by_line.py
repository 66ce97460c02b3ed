"""Walks from line end to line end, without regular expressions."""


def parse_head(data: bytes) -> dict | None:
    lines, at = [], 0
    while True:
        end = data.find(b"\n", at)
        if end < 0:
            if len(data) > 65_536:
                raise ValueError("head too large")
            return None
        line = data[at:end]
        at = end + 1
        if line.endswith(b"\r"):
            line = line[:-1]
        if not line and lines:
            break
        lines.append(line)
    version, _, tail = lines[0].partition(b" ")
    code, _, reason = tail.partition(b" ")
    ok = len(version) == 8 and version.startswith(b"HTTP/") and version[6:7] == b"."
    if not (ok and version[5:6].isdigit() and version[7:].isdigit() and len(code) == 3 and code.isdigit()):
        raise ValueError("bad status line")
    headers = []
    for line in lines[1:]:
        colon = line.find(b":")
        name = line[:colon]
        if colon < 1 or name.split() != [name]:
            raise ValueError("bad header")
        headers.append([name.decode("latin-1").lower(), line[colon + 1 :].strip(b" \t").decode("latin-1")])
    return {"status": int(code), "reason": reason.decode("latin-1"), "headers": headers, "rest": data[at:]}
