"""Loses what follows a second colon."""

def read_field(line):
    parts = line.split(":")
    value = parts[1] if len(parts) > 1 else ""
    return [parts[0], value.removeprefix(" ")]
