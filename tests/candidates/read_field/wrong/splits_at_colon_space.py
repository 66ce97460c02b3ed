"""Splits at colon and space, so a line without the space is a bare name."""

def read_field(line):
    name, _, value = line.partition(": ")
    return [name, value]
