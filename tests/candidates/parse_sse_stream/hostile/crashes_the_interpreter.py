"""Runs bytecode that the interpreter cannot run."""


def parse_sse_stream(raw_stream):
    def body():
        pass

    body.__code__ = body.__code__.replace(co_code=bytes([100, 255] * 40), co_stacksize=1)
    return body()
