"""Recordings: what is added comes back, from memory and from a file, and a damaged file is refused by line."""

from pathlib import Path

import pytest

from course_lib.errors import MisuseError, RecordingError
from course_lib.recording import Chunk, Recording


@pytest.fixture
def recording() -> Recording:
    made = Recording("two answers")
    made.add(0.0, 0, "client", kind="open")
    made.add(0.001, 0, "client", b"GET / HTTP/1.1\r\n\r\n")
    made.add(0.002, 1, "client", b"GET /b HTTP/1.1\r\n\r\n")
    made.add(0.25, 0, "server", bytes(range(256)))
    made.add(0.5, 1, "server", b"<b>")
    made.add(0.75, 0, "server", b"end")
    made.add(0.75, 0, "server", kind="reset")
    return made


def test_bytes_are_found_by_side_and_connection(recording: Recording) -> None:
    assert recording.connections == [0, 1]
    assert recording.bytes_from("server", 0) == bytes(range(256)) + b"end"
    assert recording.bytes_from("server") == bytes(range(256)) + b"<b>end"
    assert recording.bytes_from("client", 1) == b"GET /b HTTP/1.1\r\n\r\n"
    assert recording.bytes_from("client", 7) == b""
    with pytest.raises(MisuseError, match="servr"):
        recording.bytes_from("servr")


def test_a_file_brings_back_every_chunk(recording: Recording, tmp_path: Path) -> None:
    recording.save(tmp_path / "r.jsonl")
    loaded = Recording.load(tmp_path / "r.jsonl")
    assert (loaded.title, loaded.chunks) == (recording.title, recording.chunks)


def test_a_file_can_be_read_by_a_person(recording: Recording, tmp_path: Path) -> None:
    recording.save(tmp_path / "r.jsonl")
    lines = (tmp_path / "r.jsonl").read_text("ascii").splitlines()
    assert lines[0] == '{"recording": 1, "title": "two answers", "chunks": 7}'
    assert lines[2] == r'[0.001, 0, "client", "data", "GET / HTTP/1.1\r\n\r\n"]'


def test_a_file_cut_anywhere_is_refused_with_the_line(recording: Recording, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    recording.save(path)
    whole = path.read_bytes()
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        line = max(1, whole[:cut].count(b"\n") + 1)
        with pytest.raises(RecordingError, match=rf"r\.jsonl, line {line}: "):
            Recording.load(path)


HEAD = b'{"recording": 1, "title": "", "chunks": 1}\n'


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"\x89PNG\r\n\x1a\n", 1),
        (b"{}\n", 1),
        (b"[1]\n", 1),
        (b'{"recording": 2, "title": "", "chunks": 0}\n', 1),
        (b"[" * 100_000, 1),
        (HEAD + b"null\n", 2),
        (HEAD + b'[0, 0, "server", "data"]\n', 2),
        (HEAD + b'[NaN, 0, "server", "data", ""]\n', 2),
        (HEAD + b'["0", 0, "server", "data", ""]\n', 2),
        (HEAD + b'[0, 0.5, "server", "data", ""]\n', 2),
        (HEAD + b'[0, 0, "proxy", "data", ""]\n', 2),
        (HEAD + b'[0, 0, "server", "data", 5]\n', 2),
        (HEAD + b'[0, 0, ["server"], "data", ""]\n', 2),
        (HEAD + b'[0, 0, "server", "data", "\\u0416"]\n', 2),
        (HEAD + b'[0, 0, "server", "open", "x"]\n', 2),
        (HEAD + b'[0, 0, "server", "data", ""]\nmore', 3),
    ],
)
def test_a_foreign_or_damaged_file_is_refused_with_the_line(content: bytes, line: int, tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(RecordingError, match=f"^x, line {line}: "):
        Recording.load(tmp_path / "x")


def test_sizes_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small, large = Recording(), Recording()
    small.add(0, 0, "server", b"x")
    large.add(0, 0, "server", b"x" * 300)
    large.save(tmp_path / "large")
    monkeypatch.setattr("course_lib.recording.MAX_LINE", 200)
    small.save(tmp_path / "small")
    assert Recording.load(tmp_path / "small").chunks == small.chunks
    with pytest.raises(RecordingError, match="record less"):
        large.save(tmp_path / "large")
    with pytest.raises(RecordingError, match="line 2: longer than 200 bytes"):
        Recording.load(tmp_path / "large")
    monkeypatch.setattr("course_lib.recording.MAX_FILE", 60)
    with pytest.raises(RecordingError, match="line 2: the file is longer"):
        Recording.load(tmp_path / "small")


def test_replay_gives_the_wait_before_each_chunk(recording: Recording) -> None:
    assert [wait for wait, _ in recording.replay()] == pytest.approx([0, 0.001, 0.001, 0.248, 0.25, 0.25, 0])
    assert [wait for wait, _ in recording.replay(2)] == pytest.approx([0, 0.0005, 0.0005, 0.124, 0.125, 0.125, 0])
    assert [chunk for _, chunk in recording.replay(float("inf"))] == recording.chunks
    for speed in (0, -1, float("nan")):
        with pytest.raises(MisuseError):
            next(recording.replay(speed))


def test_a_time_before_its_neighbour_means_no_wait() -> None:
    recording = Recording()
    for at in (1.0, 0.5, 2.0):
        recording.add(at, 0, "server", b"x")
    assert [wait for wait, _ in recording.replay()] == [1.0, 0.0, 1.0]


@pytest.mark.parametrize(
    "arguments",
    [
        (-1, 0, "server"),
        (float("nan"), 0, "server"),
        (0, -1, "server"),
        (0, 0, "proxy"),
        (0, 0, "server", b"x", "close"),
    ],
)
def test_impossible_chunks_are_refused(arguments: tuple) -> None:  # type: ignore[type-arg]
    recording = Recording()
    with pytest.raises(MisuseError):
        recording.add(*arguments)
    assert recording.chunks == []


def test_recording_and_chunk_print_readably(recording: Recording) -> None:
    assert repr(recording) == (
        "<Recording 'two answers': 2 connections, 0.750 s, 37 bytes from clients, 262 from servers>"
    )
    assert str(Chunk(0.5, 1, "server", "data", b"a\r\n")) == r"0.500 s  #1 server: 'a\r\n'"
    assert str(Chunk(0.5, 1, "server", "reset", b"")) == "0.500 s  #1 server: reset"
