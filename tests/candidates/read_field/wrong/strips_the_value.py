"""Strips the value on both sides."""

def read_field(line):
    name, _, value = line.partition(":")
    return [name, value.strip()]
