"""Plain text and JSON lines: the same model and faults, no SSE."""

import json

import httpx
import pytest

from course_lib.apps import chunked
from course_lib.model import DEFAULT_TEXT, ScriptedModel
from course_lib.server import serve

FAST = ScriptedModel(pace=0)


@pytest.fixture
def url():
    """`url(faults)` serves the app and gives its URL."""
    servers = []

    def start(faults=None, http="h11"):
        servers.append(serve(chunked.create_app(FAST, faults), http=http))
        return servers[-1].url

    yield start
    for server in servers:
        server.stop()


def lines(answer):
    return [json.loads(line) for line in answer.text.split("\n")[:-1]]


@pytest.mark.parametrize("http", ["h11", "httptools"])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_text_is_the_text_in_chunks(url, http, method):
    answer = httpx.request(method, f"{url(http=http)}/text")
    assert answer.text == DEFAULT_TEXT
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["transfer-encoding"] == "chunked"


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_ndjson_has_a_line_per_token_and_one_for_the_end(url, method):
    answer = httpx.request(method, f"{url()}/ndjson")
    assert answer.headers["content-type"] == "application/x-ndjson"
    *tokens, last = lines(answer)
    assert tokens == [{"token": token} for token in FAST.tokens()]
    assert last == {"done": True, "finish_reason": "stop", "tokens": len(FAST.tokens())}


def test_each_token_is_a_chunk_of_its_own_on_the_wire(url, dial, read_all):
    raw = dial(url())
    raw.sendall(b"GET /text?max_tokens=2 HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
    body = read_all(raw)[0].partition(b"\r\n\r\n")[2]
    assert body == b"9\r\nStreaming\r\n5\r\n does\r\n0\r\n\r\n"


def test_a_client_of_http_1_0_gets_no_chunks(url, dial, read_all):
    raw = dial(url())
    raw.sendall(b"GET /text?max_tokens=2 HTTP/1.0\r\n\r\n")
    head, _, body = read_all(raw)[0].partition(b"\r\n\r\n")
    assert (b"chunked" in head.lower(), body) == (False, b"Streaming does")


def test_max_tokens_comes_in_the_query_or_in_the_body(url):
    base = url()
    for answer in (
        httpx.get(f"{base}/ndjson", params={"max_tokens": 2}),
        httpx.post(f"{base}/ndjson", json={"max_tokens": 2}),
        httpx.post(f"{base}/ndjson", params={"max_tokens": 2}),
        httpx.post(f"{base}/ndjson", params={"max_tokens": 9}, json={"max_tokens": 2}),
    ):
        assert lines(answer)[-1] == {"done": True, "finish_reason": "length", "tokens": 2}


@pytest.mark.parametrize("value", ["0", "-1", "x", "1.5", "²", "", "9" * 5000])
def test_a_limit_that_is_no_number_is_refused(url, value):
    answer = httpx.get(f"{url()}/text", params={"max_tokens": value})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "max_tokens")


@pytest.mark.parametrize("path", ["/text", "/ndjson"])
@pytest.mark.parametrize(("fault", "ending"), [("cut@3", "FIN"), ("reset@3", "RST"), ("truncate@3", "FIN")])
def test_the_body_ends_after_that_many_tokens(url, dial, read_all, path, fault, ending):
    raw = dial(url(fault))
    raw.sendall(b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n" % path.encode())
    data, seen = read_all(raw)
    assert (seen, data.endswith(b"\r\n0\r\n\r\n")) == (ending, fault == "truncate@3")
    assert b" make" not in data
    assert b" not" in data


def test_an_error_of_the_model_is_a_line_in_ndjson_and_a_cut_in_text(url):
    base = url("error@3")
    answer = lines(httpx.get(f"{base}/ndjson"))
    assert answer[3]["error"]["type"] == "server_error"
    assert len(answer) == 4
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{base}/text")


def test_garble_is_no_json_and_no_utf_8(url):
    base = url("garble@1")
    bad = httpx.get(f"{base}/ndjson").text.split("\n")[1]
    with pytest.raises(json.JSONDecodeError):
        json.loads(bad)
    with pytest.raises(UnicodeDecodeError):
        httpx.get(f"{base}/text").content.decode()


def test_a_status_comes_before_anything_else(url):
    answer = httpx.get(f"{url('status@0:503')}/text")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")


def test_the_same_plan_and_seed_end_the_same_answers_at_the_same_tokens():
    def lengths(faults):
        with serve(chunked.create_app(ScriptedModel(pace=0), faults)) as server:
            return [len(httpx.get(f"{server.url}/text").text) for _ in range(6)]

    one, again, other = (lengths(f"truncate@1-39, seed:{seed}") for seed in (7, 7, 8))
    assert one == again
    assert one != other
    assert len(set(one)) > 1
