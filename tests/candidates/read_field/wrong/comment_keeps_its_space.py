"""Returns the text of a comment with its leading space."""

def read_field(line):
    if line.startswith(":"):
        return ["", line[1:]]
    name, _, value = line.partition(":")
    return [name, value.removeprefix(" ")]
