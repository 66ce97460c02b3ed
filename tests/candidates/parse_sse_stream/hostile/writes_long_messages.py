"""Makes everything in the report long: message, type, line of code, name of the function, printed text."""

LONG = "x" * 1_000_000


def parse_sse_stream(raw_stream):
    print(LONG)
    print("\n" * 500_000)
    raise type(LONG, (ValueError,), {})(("word " * 200_000) + "\n" * 200_000)
