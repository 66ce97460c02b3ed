"""Returns an empty list for the empty line."""

def read_field(line):
    if not line:
        return []
    name, _, value = line.partition(":")
    return [name, value.removeprefix(" ")]
