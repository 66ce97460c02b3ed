"""Drops one leading white space of any kind, a tab too."""

def read_field(line):
    name, _, value = line.partition(":")
    if value[:1].isspace():
        value = value[1:]
    return [name, value]
