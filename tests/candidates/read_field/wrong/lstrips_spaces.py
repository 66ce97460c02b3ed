"""Drops all leading spaces."""

def read_field(line):
    name, _, value = line.partition(":")
    return [name, value.lstrip(" ")]
