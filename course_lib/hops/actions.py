"""What a hop does to the bytes of a connection, as values: the language between `connection` and what it plays.

Rule: whoever decides (`play.ByteFaults`, `holding.Holding`) has no socket, sleep or clock, and is tested without them.
"""

from typing import NamedTuple, Protocol


class Send(NamedTuple):  # write these bytes to the client, in one write
    data: bytes


class Forward(NamedTuple):  # write these bytes to the server
    data: bytes


class Wait(NamedTuple):  # nothing may leave before this time: call `tick` then
    until: float


class Close(NamedTuple):  # end the connection here, with RST or with FIN
    reset: bool = False


Action = Send | Forward | Wait | Close


class Between(Protocol):
    """What a hop does to the bytes of one connection: no I/O, the time is passed in, actions come out.

    held: bytes of the server that are kept back, for which the server has to wait. waiting: those of the client.
    """

    @property
    def held(self) -> int: ...
    @property
    def waiting(self) -> int: ...
    def asked(self, data: bytes, now: float) -> list[Action]: ...  # the client has sent
    def feed(self, data: bytes, now: float) -> list[Action]: ...  # the server has sent
    def end(self, now: float) -> list[Action]: ...  # the server has sent its FIN
    def unreachable(self, now: float) -> list[Action]: ...  # there is no server
    def tick(self, now: float) -> list[Action]: ...  # a Wait is over
