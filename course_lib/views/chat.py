"""The answers on a WebSocket: a lane for each, from the message that asks to the message that ends it.

Rule: messages belong together by the "id" in their JSON, or by having none, as in lesson 09. What asks is a message of
the client whose id has no answer that runs (a "cancel" or a "tool_result" asks for nothing); a server that begins by
itself has begun an answer, too. The first answer has the lane of the handshake, and begins when it is asked for.
Left out: what is in compressed messages; each counts as a token.
"""

import json
from collections.abc import Callable
from typing import Any

from course_lib.endings import EndingReader
from course_lib.views.bodies import MessageBody
from course_lib.views.lanes import LEFT, Answer, Lane
from course_lib.wire.websocket import Frame, Opcode

SWITCHED = 101  # the status of every answer


class Chat:
    """One WebSocket. handshake: how it began; new_lane: makes the lane of another answer."""

    def __init__(self, handshake: Answer, new_lane: Callable[[], Lane]) -> None:
        self._idle: Answer | None = handshake  # until something is asked
        handshake.lane.status = SWITCHED
        self._new_lane = new_lane
        self._running: dict[object, Answer] = {}  # by id
        self._parts: dict[str, list[Frame]] = {"client": [], "server": []}  # of a message, until it is whole

    def take(self, at: float, side: str, frame: Frame) -> None:
        """The next frame, which passed at `at`."""
        if frame.opcode is Opcode.CLOSE:
            self._close(at, side, frame.close_code)
        elif frame.opcode < Opcode.CLOSE:
            parts = self._parts[side]
            parts.append(frame)
            if frame.fin:
                payload = b"".join(part.payload for part in parts)
                self._message(at, side, b"(compressed)" if parts[0].reserved else payload)
                parts.clear()

    def broke(self, at: float, ending: str) -> None:
        """The connection has ended, or cannot be read any more."""
        for answer in (*self._running.values(), self._idle):
            if answer is not None:
                answer.broke(at, ending)

    def _message(self, at: float, side: str, payload: bytes) -> None:
        value = _object(payload)
        id = value.get("id") if isinstance(value.get("id"), str | int) else None
        if side == "client":
            if id not in self._running and value.get("type") not in ("cancel", "tool_result"):
                self._begin(at, id, value)
            return
        if not value and id not in self._running and self._running:
            id = next(reversed(self._running))  # garbage of the answer that runs
        answer = self._running.get(id) or self._begin(at, id, value)
        _understand(answer, value)
        answer.message(at, payload)
        if answer.body.endings.decided is not None:
            answer.whole(at)
            del self._running[id]

    def _begin(self, at: float, id: object, first: dict[str, Any]) -> Answer:
        lane, self._idle = self._idle.lane if self._idle else self._new_lane(), None
        lane.status = SWITCHED
        self._running[id] = answer = Answer(lane, at, MessageBody())
        _understand(answer, first)
        return answer

    def _close(self, at: float, side: str, code: int | None) -> None:
        for answer in self._running.values():
            if side == "client" and answer.body.known:
                answer.broke(at, LEFT)
            elif code in (None, 1000):
                answer.whole(at, "closed")
            else:
                answer.broke(at, f"closed with {code}")
        self._running.clear()
        if self._idle is not None:
            self._idle.whole(at, "closed")


def _understand(answer: Answer, value: dict[str, Any]) -> None:
    """An object tells the vocabulary of its answer, once. (OpenAI's "response.*" tell by themselves.)"""
    if value and not answer.body.known and not str(value.get("type")).startswith("response."):
        answer.body.endings = EndingReader("websocket_chat")


def _object(payload: bytes) -> dict[str, Any]:
    """The JSON object in a message, else an empty one."""
    try:
        value = json.loads(payload) if payload[:1] == b"{" else None
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
