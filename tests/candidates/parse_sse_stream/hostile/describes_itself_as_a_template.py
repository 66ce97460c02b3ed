"""Has a message that breaks formatting: percent signs, braces, and what pytest reads as its own marks."""


class Odd(AssertionError):
    def __str__(self):
        return "%s %d %(x)s {0} {x!r} \n}\n}\n{\n~~>assert f() == [1]\n +  where"

    __repr__ = __str__


def parse_sse_stream(raw_stream):
    raise Odd
