"""Takes a line without a colon for a value without a name."""

def read_field(line):
    if ":" not in line:
        return ["", line]
    name, _, value = line.partition(":")
    return [name, value.removeprefix(" ")]
