"""Looks for the colon with find."""

def read_field(line):
    place = line.find(":")
    if place < 0:
        return [line, ""]
    value = line[place + 1 :]
    return [line[:place], value[1:] if value.startswith(" ") else value]
