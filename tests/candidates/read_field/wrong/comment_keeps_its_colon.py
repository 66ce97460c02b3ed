"""Returns a comment whole, colon included."""

def read_field(line):
    if line.startswith(":"):
        return ["", line]
    name, _, value = line.partition(":")
    return [name, value.removeprefix(" ")]
