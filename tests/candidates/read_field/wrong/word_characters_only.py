"""A regular expression whose names have word characters only."""

import re


def read_field(line):
    match = re.fullmatch(r"(\w*)(?::(.*))?", line)
    if not match:
        return [line, ""]
    return [match[1], (match[2] or "").removeprefix(" ")]
