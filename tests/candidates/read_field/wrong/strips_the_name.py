"""Strips spaces around the name."""

def read_field(line):
    name, _, value = line.partition(":")
    return [name.strip(), value.removeprefix(" ")]
