"""Splits at the last colon instead of the first."""

def read_field(line):
    if ":" not in line:
        return [line, ""]
    name, _, value = line.rpartition(":")
    return [name, value.removeprefix(" ")]
