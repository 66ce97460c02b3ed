"""The tables of docs/http2.md: who resets what when a reader leaves, and what a client makes of a server that leaves.

Chromium's rows are measured in tests/browser.
"""

import re
import subprocess

import httpx
import httpx2
import openai
import pytest

from course_lib import ScriptedModel
from course_lib.apps import chunked, openai_api
from tests.streams.leaving import FACTS, CurlPeer, HttpxPeer, RawPeer, check_fact, cut_row, measure

both_libraries = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])


@both_libraries
def test_what_httpx_does_when_its_reader_leaves_is_what_the_table_says(library):
    check_fact(measure(lambda url, _: HttpxPeer(library, url)))


def test_what_a_client_on_h2_does_when_its_reader_leaves_is_what_the_table_says():
    check_fact(measure(RawPeer))


def test_what_curl_does_when_its_reader_leaves_is_what_the_table_says(tmp_path):
    check_fact(measure(lambda url, ca_file: CurlPeer(tmp_path, url, ca_file), tls=True))


def test_the_tables_have_no_row_that_nobody_measures():
    rows = [line for line in FACTS.read_text("utf-8").splitlines() if line.startswith("| ")]
    names = [(row.split("|")[1].strip(), row.count("|")) for row in rows]
    leave = [(name, 7) for name in ("client", "httpx", "httpx2", "curl", "Chromium", RawPeer.name)]
    cut = [(name, 4) for name in ("client", "httpx", "httpx2", "openai", "curl", "Chromium")]
    assert names == leave + cut  # Chromium: tests/browser


def read_on(pieces):
    """Read the three tokens before a cut; the error behind them."""
    text = ""
    try:
        for piece in pieces:
            text += piece
    except (httpx.HTTPError, httpx2.HTTPError, openai.OpenAIError) as error:
        assert text == "Streaming does not"
        return error
    raise AssertionError(f"nothing was noticed after {text!r}")


@both_libraries
def test_what_httpx_makes_of_a_stream_that_is_cut_is_what_the_table_says(library):
    def read(url):
        with library.Client(http1=False, http2=True) as client:
            with client.stream("GET", f"{url}/text") as answer:
                error = read_on(answer.iter_text())
            assert client.get(f"{url}/text").text == ScriptedModel().text, "the next one comes whole"
        return f"`{type(error).__name__}`, error_code:{re.search('error_code:([0-9]+)', str(error))[1]}"

    check_fact(cut_row(library.__name__, chunked.create_app, read))


def test_what_the_openai_client_makes_of_a_stream_that_is_cut_is_what_the_table_says():
    def read(url):
        pool = httpx.Client(http1=False, http2=True)
        with openai.OpenAI(api_key="none", base_url=f"{url}/v1", http_client=pool, max_retries=0) as client:
            messages = [{"role": "user", "content": "why?"}]
            chunks = client.chat.completions.create(model="m", messages=messages, stream=True)
            return f"`{type(read_on(chunk.choices[0].delta.content or '' for chunk in chunks)).__name__}`"

    check_fact(cut_row("openai", openai_api.create_app, read))


def test_what_curl_makes_of_a_stream_that_is_cut_is_what_the_table_says():
    def read(url):
        said = subprocess.run(
            ["curl", "-sN", "--http2-prior-knowledge", f"{url}/text"], capture_output=True, timeout=60, check=False
        )
        assert b"Streaming does not".startswith(said.stdout), "it may throw away what it has not written yet"
        return f"exit {said.returncode}"

    check_fact(cut_row("curl", chunked.create_app, read))
