"""Splits once and pads."""

def read_field(line):
    name, *rest = line.split(":", 1)
    value = rest[0] if rest else ""
    if value[:1] == " ":
        value = value[1:]
    return [name, value]
