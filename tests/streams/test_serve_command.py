"""`course serve`, as a process of its own: every app with its options, and an end that open streams are told of."""

import json
import os
import signal
import ssl
import subprocess
import sys
from contextlib import ExitStack

import anthropic
import httpx
import openai
import pytest
from websockets.sync.client import connect

from course_lib.apps.traces import read_traces
from course_lib.cli import main
from course_lib.model import DEFAULT_TEXT

ASK = {"model": "m", "messages": [{"role": "user", "content": "why?"}]}
GO_ON = 60  # seconds until a test gives up


class Command:
    """`course serve ...` that runs: its URL, and its further lines."""

    def __init__(self, *arguments):
        code = "from course_lib.cli import main; main()"
        line = [sys.executable, "-c", code, "serve", *arguments]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(line, **pipes, env={**os.environ, "COLUMNS": "200"})
        self.url = self.line()

    def line(self):
        return self.process.stdout.readline().strip()

    def end(self, number=signal.SIGTERM):
        """The exit status, and what it has still said."""
        self.process.send_signal(number)
        status = self.process.wait(GO_ON)
        return status, self.process.stdout.read() + self.process.stderr.read()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def serve():
    with ExitStack() as stack:
        yield lambda *arguments: stack.enter_context(Command(*arguments))


@pytest.fixture
def usage(monkeypatch, capsys):
    """What is wrong with these arguments."""

    def refused(*arguments):
        monkeypatch.setattr(sys, "argv", ["course", "serve", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == 2
        return capsys.readouterr().err

    return refused


def client(command, **options):
    return openai.OpenAI(base_url=f"{command.url}/v1", api_key="none", max_retries=0, timeout=GO_ON, **options)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_an_open_stream_of_the_real_client_is_told_and_the_process_ends_in_time(serve, number):
    command = serve("openai_api", "--pace", "0", "--fault", "stall@2:1000s")
    with client(command) as api:
        stream = api.chat.completions.create(**ASK, stream=True)
        for _ in range(3):
            next(stream)
        assert command.end(number) == (0, "")
        with pytest.raises(openai.APIError, match="shutting down"):
            next(stream)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_is_still_starting_is_ended_too(number):
    starting = "lambda *_: lambda port: [print('starting', flush=True), threading.Event().wait()]"
    heeding = "signal.signal(signal.SIGINT, signal.default_int_handler)"  # a background job of a shell does not
    code = f"import signal, threading; from course_lib import cli, cli_serve; {heeding}"
    line = [sys.executable, "-c", f"{code}; cli_serve._starter = {starting}; cli.main()", "serve", "express"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "starting\n"
            process.send_signal(number)
            assert process.communicate(timeout=GO_ON) == ("", "")
            assert process.returncode != 0
        finally:
            process.kill()


def test_pace_fault_and_ping_are_those_of_the_app(serve):
    command = serve("openai_api", "--pace", "0", "--fault", "stall@2:0.3s", "--fault", "error@3*1", "--ping", "100ms")
    bodies = [
        httpx.post(f"{command.url}/v1/chat/completions", json={**ASK, "stream": True}, timeout=GO_ON).text
        for _ in range(2)
    ]
    assert ['"error"' in body for body in bodies] == [True, False]
    assert all(": ping" in body for body in bodies)
    assert command.end() == (0, "")


def test_anthropic_api_is_read_by_its_real_client(serve):
    command = serve("anthropic_api", "--pace", "1ms", "--ping", "never")
    with anthropic.Anthropic(base_url=command.url, api_key="none", max_retries=0) as api:
        message = api.messages.create(**ASK, max_tokens=99)
    assert message.content[0].text == DEFAULT_TEXT
    assert command.end() == (0, "")


def test_websocket_chat_answers_and_is_told_of_the_end(serve):
    command = serve("websocket_chat", "--pace", "0")
    with connect(f"ws{command.url[4:]}/ws") as socket:
        socket.send(json.dumps({"type": "prompt", "id": "1", "content": "why?"}))
        kinds = [json.loads(socket.recv(GO_ON))["type"] for _ in range(41)]
        assert kinds == ["token"] * 40 + ["done"]
        assert command.end() == (0, "")


def test_http2_with_prior_knowledge(serve):
    command = serve("chunked", "--pace", "0", "--http2")
    with httpx.Client(http1=False, http2=True, timeout=GO_ON) as api:
        answer = api.get(f"{command.url}/text")
    assert (answer.http_version, answer.text) == ("HTTP/2", DEFAULT_TEXT)
    assert command.end() == (0, "")


def test_tls_names_the_file_of_its_ca_and_takes_it_away(serve):
    command = serve("chunked", "--pace", "0", "--tls", "--http2")
    label, _, ca_file = command.line().partition(" ")
    assert (label, command.url[:8]) == ("CA:", "https://")
    with httpx.Client(http2=True, timeout=GO_ON, verify=ssl.create_default_context(cafile=ca_file)) as api:
        answer = api.get(f"{command.url}/ndjson")
    assert (answer.http_version, json.loads(answer.text.splitlines()[-1])["done"]) == ("HTTP/2", True)
    assert command.end() == (0, "")
    assert not os.path.exists(ca_file)


def test_a_relay_between_two_processes_and_its_traces(serve, tmp_path):
    store = str(tmp_path / "traces.db")
    provider = serve("anthropic_api", "--pace", "0", "--fault", "stall@3:1000s*1")
    command = serve("relay", "--upstream", provider.url, "--store", store)
    with client(command) as api:
        stream = api.chat.completions.create(**ASK, stream=True)
        assert [next(stream).choices[0].delta.content for _ in range(2)][1]
        assert api.chat.completions.create(**ASK).choices[0].message.content == DEFAULT_TEXT
        assert command.end() == (0, "")
        with pytest.raises(openai.APIError, match="shutting down"):
            list(stream)
    assert sorted(trace.ending for trace in read_traces(store)) == ["cancelled", "complete"]
    stats = httpx.get(f"{provider.url}/-/stats", timeout=GO_ON).json()
    assert (stats["streams"], stats["generations"]) == (0, 0)


def test_a_relay_alone_has_a_provider_of_its_own(serve):
    command = serve("relay", "--pace", "0")
    with client(command) as api:
        assert api.chat.completions.create(**ASK).choices[0].message.content == DEFAULT_TEXT
    assert command.end() == (0, "")


def test_resume_finds_its_generations_again_after_a_restart(serve, tmp_path):
    arguments = "resume", "--pace", "0", "--store", str(tmp_path / "generations.db")
    command = serve(*arguments)
    name = httpx.post(f"{command.url}/generate", json={"prompt": "why?"}, timeout=GO_ON).json()["id"]
    before = httpx.get(f"{command.url}/generate/{name}", timeout=GO_ON).text
    assert "event: done" in before
    assert command.end() == (0, "")
    command = serve(*arguments)
    assert httpx.get(f"{command.url}/generate/{name}", timeout=GO_ON).text == before
    assert command.end() == (0, "")


def test_express_is_a_name_like_any_other(serve):
    command = serve("express", "--pace", "0", "--fault", "cut@2*1")
    with client(command) as api:
        with pytest.raises(openai.APIError):
            list(api.chat.completions.create(**ASK, stream=True))
        chunks = list(api.chat.completions.create(**ASK, stream=True))
    assert "".join(c.choices[0].delta.content or "" for c in chunks) == DEFAULT_TEXT
    assert command.end()[0] == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["chunked", "--ping", "1s"], "chunked has no --ping; it has --port, --pace, --fault, --http2, --tls"),
        (["openai_api", "--upstream", "http://127.0.0.1:1"], "openai_api has no --upstream"),
        (["websocket_chat", "--store", "x"], "websocket_chat has no --store"),
        (["express", "--tls"], "express has no --tls; it has --port, --pace, --fault, --ping"),
        (["relay", "--upstream", "nowhere"], "upstream is the URL of a provider"),
        (["relay", "--upstream", "http://127.0.0.1:1", "--pace", "1s"], "leave out one of them"),
        (["relay", "--fault", "split:1"], "is no token fault"),
        (["chunked", "--fault", "explode@3"], "there is no fault 'explode'"),
        (["openai_api", "--ping", "soon"], "'soon'"),
        (["openai_api", "--ping", "0"], "ping is a number of seconds above 0"),
        (["openai_api", "--pace", "-1"], "'-1'"),
        (["no_such_app"], "there are anthropic_api, chunked, openai_api, relay, resume, websocket_chat, express"),
        (["chunked", "--port", "70000"], "65535"),
    ],
)
def test_wrong_usage_is_told_clearly(usage, arguments, told):
    assert told in " ".join(usage(*arguments).split())
