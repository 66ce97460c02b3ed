"""itertools.groupby puts the lines between blank lines together."""

import json
import re
from itertools import groupby


def parse_sse_stream(raw_stream):
    lines = re.split("\r\n|[\r\n]", raw_stream.removeprefix("\ufeff"))
    lines.pop()
    groups = [(blank, list(group)) for blank, group in groupby(lines, key=lambda line: line == "")]
    if groups and not groups[-1][0]:
        groups.pop()
    values = []
    for blank, group in groups:
        data = [line[5:].removeprefix(" ") for line in group if line == "data" or line.startswith("data:")]
        if blank or not data:
            continue
        if data == ["[DONE]"]:
            break
        values.append(json.loads("\n".join(data)))
    return values
