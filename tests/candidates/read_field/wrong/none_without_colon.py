"""Gives None for the value that is missing."""

def read_field(line):
    name, colon, value = line.partition(":")
    return [name, value.removeprefix(" ") if colon else None]
