"""The events view and its editor: every line is explained, and the events are those of the decoder."""

import pytest

from course_lib.errors import MisuseError
from course_lib.views import events_editor, events_view
from course_lib.views.events import LIMIT, LOOK, explain
from course_lib.wire import vectors
from course_lib.wire.sse import SSEDecoder
from tests.views.recordings import EVENTS, chat, conversation


def rules(data):
    return [(step.rule, step.effect) for step in explain(data)]


def test_each_line_names_the_rule_that_used_it():
    stream = b"event: t\ndata: a\r\n: c\rdata\n\nid: 1\0\nid\nretry: -5\nretry: 50\nDATA: x\n\n"
    assert rules(stream) == [
        ("event", "sets the type"),
        ("data", "appended to the data"),
        ("comment", "ignored"),
        ("data", "appended to the data"),
        ("blank line", "dispatch the event"),
        ("ignored", "id with a NUL"),
        ("id", "sets the last event ID"),
        ("ignored", "retry that is not all digits"),
        ("retry", "sets the reconnection time"),
        ("ignored", "no field is called 'DATA'"),
        ("blank line", "no data: nothing to dispatch"),
    ]


def test_what_no_blank_line_ends_is_discarded():
    assert rules(b"data: a\n\nid: 7\nretry: 5\ndata: b\ndata: c") == [
        ("data", "appended to the data"),
        ("blank line", "dispatch the event"),
        ("discarded", "id, but no blank line came"),
        ("retry", "sets the reconnection time"),
        ("discarded", "data, but no blank line came"),
        ("discarded", "the stream ends inside this line"),
    ]


def test_a_byte_order_mark_counts_at_the_very_start_only():
    mark = b"\xef\xbb\xbf"
    assert rules(mark + b"data: a\n\n")[0] == ("data", "byte order mark dropped; appended to the data")
    assert rules(mark + b"\n")[0][0] == "blank line"
    assert rules(b"\n" + mark + b"data: a\n\n")[1] == ("ignored", r"no field is called '\ufeffdata'")


def test_the_events_are_those_of_the_decoder_for_every_vector():
    for vector in vectors.load():
        steps = explain(vector.stream)
        assert [event for step in steps for event in step.events] == SSEDecoder().feed(vector.stream), vector
        assert b"".join(step.line + step.end for step in steps) == vector.stream


def test_the_text_twin_shows_line_ends_and_events():
    assert repr(events_view(b"data: a\r\n\r")).splitlines() == [
        "2 lines, 1 event",
        "line     end   rule                            event out",
        "data: a  CRLF  data: appended to the data",
        "         CR    blank line: dispatch the event  message: 'a'",
    ]
    assert repr(events_view("")).startswith("0 lines, 0 events")


def test_long_streams_are_cut_and_the_rest_is_counted():
    text = str(events_view("data: x\n" * (LIMIT + 40)))
    assert text.endswith("… 40 more lines")
    assert f"{LOOK // 2:,} bytes behind them" in str(events_view("data: x\n" * (LOOK * 3 // 16)))


def test_a_recording_shows_the_body_of_its_first_answer():
    recording = chat("a", "b")
    view = events_view(recording)
    assert "8 lines, 4 events, ending: complete" in str(view.snapshot())
    other = events_view(conversation(EVENTS))
    assert str(other.snapshot()).startswith("0 lines, 0 events\n"), "it has not ended"
    assert repr(view) == "<events of a recording, live>"
    for one in (view, other):
        one.stop()


def test_the_editor_follows_text_line_end_and_mark():
    editor = events_editor({"one": b"data: a\r\n\r\n", "two": "data: b\n\n"})
    assert (editor.stream, editor.line_end) == (b"data: a\r\n\r\n", "CRLF")
    editor.text, editor.line_end, editor.mark = "data: <b>\n\n", "CR", True
    assert editor.stream == b"\xef\xbb\xbfdata: <b>\r\r"
    assert "message: &#x27;&lt;b&gt;&#x27;" in editor.html
    assert "message: '<b>'" in str(editor.snapshot())
    editor.preset = "two"
    assert (editor.stream, editor.line_end, editor.mark) == (b"data: b\n\n", "LF", False)
    assert "2 lines" in editor._repr_mimebundle_()[0]["text/plain"]


def test_the_editor_takes_one_stream_and_refuses_a_long_one():
    assert events_editor("data: x").stream == b"data: x"
    with pytest.raises(MisuseError, match="50,000"):
        events_editor("x" * 50_001)
