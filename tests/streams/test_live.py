"""Streamed responses: head after the first event, pings in the pauses, gone when the client is gone."""

import asyncio
import threading

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route

from course_lib.apps.live import HangUp, LiveStream, while_connected
from course_lib.apps.sse import EventStream
from course_lib.errors import MisuseError
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder
from tests.streams.calls import SCOPE, Call, events, run
from tests.streams.clock import in_jumps
from tests.streams.spoken import client, spoken


@pytest.mark.parametrize("wrong", [[b"a"], iter([b"a"]), "text", None])
def test_what_is_no_async_iterator_is_refused(wrong):
    with pytest.raises(MisuseError, match="async iterator"):
        LiveStream(wrong)


@pytest.mark.parametrize("ping", [0, -1, float("nan")])
def test_a_ping_that_is_no_time_is_refused(ping):
    with pytest.raises(MisuseError, match="ping"):
        EventStream(events(), ping=ping)


async def at(*moments):
    """Events at these seconds of the loop's clock."""
    clock = asyncio.get_running_loop().time
    for moment in moments:
        await asyncio.sleep(moment - clock())
        yield f"at {moment}"


class TimedCall(Call):
    def __init__(self, response, sending=0.0):
        super().__init__(response)
        self.sending = sending
        self.times = []

    async def send(self, message):
        if message["type"] == "http.response.start":
            await asyncio.sleep(self.sending)
        await super().send(message)
        self.times.append((asyncio.get_running_loop().time(), message.get("body", b"head")))

    async def run(self):
        await self.response(SCOPE, self.receive, self.send)
        return self.times


@pytest.mark.parametrize(
    ("moments", "pings"),
    [((1, 41), [16, 31]), ((40,), [15, 30]), (tuple(range(0, 100, 10)), []), ((0, 14, 30), [29])],
    ids=["in a pause", "before the first event", "busy", "counted from the last event"],
)
def test_a_comment_is_sent_after_each_15_seconds_of_silence(moments, pings):
    times = in_jumps(lambda: TimedCall(EventStream(at(*moments))).run())
    assert [round(time) for time, body in times if body == b": ping\n\n"] == pings
    assert [body for _, body in times].count(b"head") == 1
    assert b"".join(body for _, body in times).count(b"data:") == len(moments)


def test_an_event_waits_for_the_head_that_a_ping_is_sending():
    times = in_jumps(lambda: TimedCall(EventStream(at(15.5)), sending=1).run())
    assert [body for _, body in times] == [b"head", b": ping\n\n", b"data: at 15.5\n\n", b""]


def test_ping_none_sends_none():
    async def test():
        call = Call(EventStream(events("x"), ping=None))
        await call.run()
        return call.body

    assert run(test) == b"data: x\n\n"


@pytest.mark.parametrize("work", ["idle", "busy", "before the first event"])
def test_when_the_client_leaves_the_generator_is_closed_before_the_response_returns(work):
    async def test():
        closed = []

        async def source():
            try:
                if work == "before the first event":
                    await asyncio.sleep(3600)
                while True:
                    yield "token"
                    if work == "idle":
                        await asyncio.sleep(3600)
            finally:
                await asyncio.sleep(0)  # cleaning up may take a while
                closed.append(True)

        call = Call(EventStream(source()))
        task = asyncio.create_task(call.run())
        for _ in range(5):
            await asyncio.sleep(0)
        call.gone.set()
        await task
        assert len(asyncio.all_tasks()) == 1, "only the test is left"
        return closed

    assert run(test) == [True]


@spoken
@pytest.mark.parametrize("pause", [0, 0.001, 3600], ids=["busy", "paced", "idle"])
def test_a_client_that_leaves_is_noticed_at_once_over_any_transport(spoken, pause):
    closed = threading.Event()

    async def source():
        try:
            while True:
                yield "token"
                await asyncio.sleep(pause)
        finally:
            closed.set()

    async def endpoint(request):
        return EventStream(source())

    with serve(Starlette(routes=[Route("/", endpoint)]), **spoken) as server:
        with client(spoken) as http, http.stream("GET", server.url) as answer:
            assert answer.headers["content-type"] == "text/event-stream"
            assert not {"connection", "keep-alive", "upgrade"} & set(answer.headers), (
                "HTTP/2 forbids them (RFC 9113, 8.2.2)"
            )
            next(answer.iter_raw())
            http.close()
        assert closed.wait(5)


def test_a_cancellation_from_outside_passes_through_and_closes_the_generator():
    async def test():
        closed = []

        async def source():
            try:
                yield "token"
                await asyncio.sleep(3600)
            finally:
                closed.append(True)

        call = Call(EventStream(source()))
        task = asyncio.create_task(call.run())
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return closed

    assert run(test) == [True]


def test_work_for_a_client_that_has_left_is_cancelled_and_gives_none():
    async def test():
        gone = asyncio.Event()

        async def receive():
            await gone.wait()
            return {"type": "http.disconnect"}

        async def work(seconds):
            asyncio.get_running_loop().call_soon(gone.set)
            await asyncio.sleep(seconds)
            return "done"

        return [await while_connected(receive, work(seconds)) for seconds in (0, 3600)]

    assert run(test) == ["done", None]


def test_other_tasks_get_their_turn_while_a_generator_never_awaits():
    async def test():
        seen = []

        async def endless():
            while True:
                yield "token"

        call = Call(EventStream(endless()))
        task = asyncio.create_task(call.run())
        for _ in range(20):
            await asyncio.sleep(0)
            seen.append(len(call.sent))
        call.gone.set()
        await task
        return seen

    seen = run(test)
    assert len(set(seen)) > 3, "the other task ran between events"


def test_hanging_up_without_a_server_that_can_do_it_cuts_the_answer_all_the_same():
    async def hang_up():
        yield "one"
        raise HangUp

    async def test():
        call = Call(EventStream(hang_up()))
        with pytest.raises(HangUp):
            await call.run()
        return call.kinds

    assert run(test) == ["start", "body"]


def test_many_streams_of_one_server_do_not_disturb_each_other():
    async def numbers(request):
        async def count():
            for number in range(50):
                yield f"{request.query_params['who']}:{number}"
                await asyncio.sleep(0)

        return EventStream(count())

    results = {}

    def client(who, url):
        body = httpx.get(url, params={"who": who}).content
        results[who] = [event.data for event in SSEDecoder().feed(body)]

    with serve(Starlette(routes=[Route("/", numbers)])) as server:
        threads = [threading.Thread(target=client, args=(str(n), server.url)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == {str(n): [f"{n}:{k}" for k in range(50)] for n in range(8)}
