"""One regular expression with an optional space."""

import re


def read_field(line):
    match = re.fullmatch(r"([^:]*)(?:: ?(.*))?", line, re.DOTALL)
    return [match[1], match[2] or ""]
