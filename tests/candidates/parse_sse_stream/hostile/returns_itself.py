"""Returns a list that contains itself, in a dict that contains itself."""


def parse_sse_stream(raw_stream):
    values = [1]
    table = {"a": values}
    table["table"] = table
    values.append(table)
    return values
