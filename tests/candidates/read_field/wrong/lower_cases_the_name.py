"""Turns the name into lower case."""

def read_field(line):
    name, _, value = line.partition(":")
    return [name.lower(), value.removeprefix(" ")]
