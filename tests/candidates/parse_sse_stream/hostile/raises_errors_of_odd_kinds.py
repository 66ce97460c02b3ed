"""Raises errors whose class, bases, name, traceback and message are other things each time somebody looks."""


class Kind(type):
    def __getattribute__(cls, name):
        if name in ("__name__", "__qualname__", "__module__", "__mro__", "__bases__"):
            raise KeyboardInterrupt(name)
        return super().__getattribute__(name)

    def mro(cls):
        return [cls, ValueError, Exception, BaseException, object]

    def __instancecheck__(cls, other):
        return True

    def __subclasscheck__(cls, other):
        return True


class Odd(ValueError, metaclass=Kind):
    __class__ = property(lambda self: type("NotThere", (Exception,), {}))
    __cause__ = __context__ = property(lambda self: self)

    def __str__(self):
        raise self

    __repr__ = __str__


def parse_sse_stream(raw_stream):
    raise Odd(raw_stream)
