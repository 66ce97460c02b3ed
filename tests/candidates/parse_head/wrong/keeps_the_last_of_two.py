"""Collects the headers in a dict, so that one of two set-cookie lines is lost."""

import re


def parse_head(data: bytes) -> dict | None:
    end = re.search(rb"\n\r?\n", data)
    if end is None:
        if len(data) > 65_536:
            raise ValueError("head too large")
        return None
    lines = [line.removesuffix(b"\r").decode("latin-1") for line in data[: end.start()].split(b"\n")]
    status = re.fullmatch(r"HTTP/[0-9]\.[0-9] ([0-9]{3})(?: (.*))?", lines[0], re.DOTALL)
    if status is None:
        raise ValueError("no status line")
    headers = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if not colon or not name or " " in name or "\t" in name:
            raise ValueError("no header line")
        headers[name.lower()] = value.strip(" \t")
    return {"status": int(status[1]), "reason": status[2] or "", "headers": [list(pair) for pair in headers.items()], "rest": data[end.end() :]}
