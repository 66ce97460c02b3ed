"""Traces: what a store keeps, that nobody waits for it, and that every call is in it once."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from opentelemetry.semconv._incubating.attributes import error_attributes, gen_ai_attributes, server_attributes

from course_lib.apps import anthropic_api, call, relay, traces
from course_lib.apps import provider as provider_module
from course_lib.apps.traces import ENDING, TOKENS, SQLiteExporter, Writer, read_traces
from course_lib.errors import MisuseError
from course_lib.model import ScriptedModel
from course_lib.server import serve
from course_lib.wire.sse import SSEDecoder

FAST = ScriptedModel(pace=0)
ASK = {"model": "m", "messages": [{"role": "user", "content": "my secret"}], "stream": True}
CALLER = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"  # W3C Trace Context, section 3.2.4
GO_ON = 20  # seconds until a test gives up


class Held(SpanExporter):
    """A store that is busy until it is let go."""

    def __init__(self, result=SpanExportResult.SUCCESS):
        self.free, self.entered, self.spans, self.closed = threading.Event(), threading.Event(), [], 0
        self.result = result

    def export(self, spans):
        self.entered.set()
        assert self.free.wait(GO_ON)
        self.spans += spans
        return self.result

    def shutdown(self):
        self.closed += 1


@pytest.fixture
def provider():
    with serve(anthropic_api.create_app(FAST)) as server:
        yield server


@pytest.fixture
def spans():
    """`spans(writer, n)` ends n spans, whose names are their numbers."""
    made = []

    def end(writer, count):
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(writer)
        made.append(writer)
        for number in range(count):
            provider.get_tracer("test").start_span(str(number)).end()

    yield end
    for writer in made:
        writer.shutdown()
        writer._thread.join(GO_ON)


def ask(edge, **headers):
    """The whole stream of an answer, as events."""
    answer = httpx.post(f"{edge.url}/chat", json=ASK, headers=headers, timeout=GO_ON)
    return [event.data for event in SSEDecoder().feed(answer.content)]


def test_a_store_that_hangs_delays_no_stream_and_is_written_when_it_goes_on(provider):
    store = Held()
    app = relay.create_app(upstream=provider.url, store=store)
    with serve(app) as edge:
        for _ in range(3):
            assert ask(edge)[-1] == "[DONE]", "the store is held, and the streams are whole"
        assert store.entered.wait(GO_ON)
        assert store.spans == []
        store.free.set()
        assert app.state.writer.force_flush(GO_ON * 1000)
        assert [span.attributes[ENDING] for span in store.spans] == ["complete"] * 3
        assert app.state.writer.dropped == 0
    assert store.closed == 1


def test_a_file_that_another_process_has_locked_delays_no_stream_and_is_written_later(provider, tmp_path, monkeypatch):
    monkeypatch.setattr(traces, "LOCKED", 0.01)
    path = tmp_path / "traces.db"
    app = relay.create_app(upstream=provider.url, store=path)
    with serve(app) as edge:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert ask(edge)[-1] == "[DONE]"
            assert not app.state.writer.force_flush(200), "the span waits for the file"
            assert read_traces(path) == []
            other.execute("ROLLBACK")
        assert app.state.writer.force_flush(GO_ON * 1000)
        assert [trace.ending for trace in read_traces(path)] == ["complete"]


def test_a_server_stops_in_time_although_its_store_hangs(provider):
    store = Held()
    with serve(relay.create_app(upstream=provider.url, store=store)) as edge:
        ask(edge)
        assert store.entered.wait(GO_ON)
    assert not edge.running  # stop() would have raised ServerError
    store.free.set()
    for thread in threading.enumerate():
        if thread.name == "course-traces":
            thread.join(GO_ON)
    assert (len(store.spans), store.closed) == (1, 1), "what waited is written when the store goes on"


def test_what_does_not_fit_into_the_queue_is_dropped_and_counted(spans):
    store = Held()
    writer = Writer(store, size=2)
    spans(writer, 1)
    assert store.entered.wait(GO_ON)
    spans(writer, 5)
    assert writer.dropped == 3
    store.free.set()
    assert writer.force_flush(GO_ON * 1000)
    assert [span.name for span in store.spans] == ["0", "0", "1"]
    writer.shutdown()
    spans(writer, 1)
    assert writer.dropped == 4


@pytest.mark.parametrize("result", [SpanExportResult.FAILURE, "raises"])
def test_what_the_store_does_not_take_is_counted_and_the_next_is_tried_again(spans, result):
    store = Held(result)
    if result == "raises":
        store.export = lambda spans: 1 / 0
    store.free.set()
    writer = Writer(store)
    for _ in range(2):
        spans(writer, 1)
        assert writer.force_flush(GO_ON * 1000)
    assert writer.dropped == 2


def test_flushing_a_store_that_hangs_gives_up(spans):
    store = Held()
    writer = Writer(store)
    spans(writer, 1)
    assert not writer.force_flush(10)
    store.free.set()


def test_a_trace_is_what_the_conventions_say_and_no_text_of_anybody(provider, tmp_path):
    path = tmp_path / "traces.db"
    with serve(relay.create_app(upstream=provider.url, store=path)) as edge:
        ask(edge)
    [trace] = read_traces(path)
    assert (trace.name, trace.kind, trace.status, trace.parent_id) == ("chat m", "CLIENT", "UNSET", None)
    assert str(trace).startswith("chat m: complete, 40 tokens, first after ")
    assert 0 < trace.attributes.pop("gen_ai.response.time_to_first_chunk") < GO_ON
    assert trace.attributes == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "anthropic",
        "gen_ai.request.model": "m",
        "gen_ai.request.stream": True,
        "gen_ai.response.id": "msg_00000000",
        "gen_ai.response.model": "m",
        "gen_ai.response.finish_reasons": ["end_turn"],
        "gen_ai.usage.input_tokens": 4,
        "gen_ai.usage.output_tokens": 40,
        "server.address": "127.0.0.1",
        "server.port": provider.port,
        ENDING: "complete",
        TOKENS: 40,
    }
    [(name, at)] = trace.events
    assert name == "first token"
    assert trace.started <= at <= trace.ended
    assert b"secret" not in path.read_bytes()


def test_a_name_that_is_half_a_character_is_kept_as_it_is(spans, tmp_path):
    writer = Writer(SQLiteExporter(tmp_path / "traces.db"))
    tracers = TracerProvider(shutdown_on_exit=False)
    tracers.add_span_processor(writer)
    tracers.get_tracer("test").start_span("chat", attributes={"gen_ai.response.model": "\ud83d"}).end()
    assert writer.force_flush(GO_ON * 1000)
    assert (writer.dropped, read_traces(tmp_path / "traces.db")[0].attributes) == (
        0,
        {"gen_ai.response.model": "\ud83d"},
    )
    spans(writer, 0)


def test_every_attribute_is_a_word_of_the_conventions():
    known = {
        value
        for module in (gen_ai_attributes, error_attributes, server_attributes)
        for name, value in vars(module).items()
        if isinstance(value, str) and name.isupper()
    }
    sources = relay, call, provider_module, traces
    words = [word for module in sources for word in Path(module.__file__).read_text("utf-8").split('"')]
    used = {word for word in words if word.startswith(("gen_ai.", "server.", "error."))}
    assert len(used) > 10
    assert used <= known


@pytest.mark.parametrize("traceparent", [CALLER, "", "00-nonsense", f"{CALLER}-more"])
def test_the_trace_of_the_caller_goes_on_to_the_provider(tmp_path, traceparent):
    heard = []

    async def provider(scope, receive, send):
        if scope["type"] == "http":
            heard.append({name.decode(): value.decode() for name, value in scope["headers"]})
            await send({"type": "http.response.start", "status": 500, "headers": []})
            await send({"type": "http.response.body"})

    path = tmp_path / "traces.db"
    with serve(provider) as behind, serve(relay.create_app(upstream=behind.url, store=path)) as edge:
        headers = {"traceparent": traceparent, "authorization": "Bearer secret", "cookie": "secret"}
        httpx.post(f"{edge.url}/chat", json=ASK, headers=headers, timeout=GO_ON)
    [trace], [fields] = read_traces(path), heard
    version, trace_id, span_id, flags = fields["traceparent"].split("-")
    assert (version, trace_id, span_id) == ("00", trace.trace_id, trace.span_id)
    assert int(flags, 16) & 1, "sampled"  # 03 for an id of our own: it says, too, that the id is random (level 2)
    caller = (CALLER[3:35], CALLER[36:52])
    assert ((trace.trace_id, trace.parent_id) == caller) == (traceparent == CALLER)
    assert trace.parent_id is None or traceparent == CALLER
    assert "secret" not in str(fields)


def test_two_relays_share_a_store(provider, tmp_path):
    path = tmp_path / "traces.db"
    apps = [relay.create_app(upstream=provider.url, store=path) for _ in range(2)]
    with serve(apps[0]) as one, serve(apps[1]) as two:
        threads = [threading.Thread(target=ask, args=[edge]) for edge in (one, two) * 5]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert all(app.state.writer.force_flush(GO_ON * 1000) for app in apps)
        found = read_traces(path)
    assert [trace.ending for trace in found] == ["complete"] * 10
    assert found == sorted(found, key=lambda trace: trace.started)


def test_a_store_is_read_after_its_relay_has_ended_and_no_other_file_is_left(provider, tmp_path):
    path = tmp_path / "my traces?.db"
    with serve(relay.create_app(upstream=provider.url, store=str(path))) as edge:
        ask(edge)
    assert len(read_traces(path)) == len(read_traces(str(path))) == 1
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_what_is_no_store_is_told(tmp_path):
    with pytest.raises(MisuseError, match="there is no store"):
        read_traces(tmp_path / "none.db")
    assert list(tmp_path.iterdir()) == [], "reading makes no file"
    text = tmp_path / "notes.txt"
    text.write_text("not a database, but long enough to look at " * 10)
    with pytest.raises(MisuseError, match="not a store of traces"):
        read_traces(text)
    with pytest.raises(MisuseError, match="name another file"):
        SQLiteExporter(text)
    with closing(sqlite3.connect(tmp_path / "other.db")) as other:
        other.execute("CREATE TABLE spans (a)")
    with pytest.raises(MisuseError, match="not a store of traces"):
        read_traces(tmp_path / "other.db")


def test_nothing_global_is_set(provider):
    from opentelemetry import trace

    before = trace.get_tracer_provider()
    with serve(relay.create_app(upstream=provider.url)) as edge:
        assert ask(edge)[-1] == "[DONE]"
    assert trace.get_tracer_provider() is before
    assert not isinstance(before, TracerProvider)
