"""Unpacks two parts, so a line without a colon raises."""

def read_field(line):
    name, value = line.split(":", 1)
    return [name, value.removeprefix(" ")]
