"""The Express server as a process: it starts, ends, breaks, is installed. What it answers is in test_openai_api."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from IPython.core.interactiveshell import InteractiveShell

from course_lib.errors import MisuseError, PortInUse, ServerError
from course_lib.model import ScriptedModel
from course_lib.server import express, node, stop_all
from course_lib.server.express import serve_express
from tests.streams.peers import eventually

ASK = {"messages": [{"role": "user", "content": "why?"}]}


def gone(process):
    """Whether nothing runs under this number (a zombie does not run)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def refuses(server):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", server.port)) != 0


def test_it_is_ready_when_it_is_there_and_gone_when_it_is_stopped():
    server = serve_express(ScriptedModel(pace=0))
    try:
        assert httpx.get(f"{server.url}/v1/models").status_code == 200
        assert (server.running, repr(server)) == (True, f"<express {server.url}>")
        process = server.process
        assert os.getpgid(process) == process, "a group of its own, so that Ctrl-C in a terminal is ours alone"
    finally:
        server.stop()
    server.stop()
    assert (server.running, gone(process), refuses(server)) == (False, True, True)
    assert server.stats == {"connections": 0, "streams": 0, "generations": 0}


def test_stop_all_stops_it_too():
    with serve_express() as server:
        stop_all()
        assert not server.running


def test_a_cell_that_runs_again_replaces_its_server_on_the_same_port():
    shell = InteractiveShell.instance()
    try:
        shell.run_cell("from course_lib.server.express import serve_express").raise_error()
        shell.run_cell("server = serve_express()").raise_error()
        first = shell.user_ns["server"]
        cell = f"first, server = server, serve_express(port={first.port})"
        first.stop()
        for _ in range(2):
            shell.run_cell(cell).raise_error()
        assert [shell.user_ns[name].running for name in ("first", "server")] == [False, True]
        shell.user_ns["server"].stop()
    finally:
        InteractiveShell.clear_instance()


@pytest.mark.parametrize(("ending", "status"), [("os.kill(os.getpid(), 9)", -9), ("sys.exit()", 0)])
def test_node_ends_with_python_whether_python_is_killed_or_done(ending, status):
    code = (
        "import os, sys\nfrom course_lib.server.express import serve_express\n"
        f"server = serve_express()\nprint(server.process, server.url, flush=True)\nsys.stdin.read()\n{ending}"
    )
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as python:
        process, url = python.stdout.readline().split()
        asked = httpx.stream("POST", f"{url}/v1/chat/completions", json={**ASK, "stream": True})
        with asked as answer:
            lines = answer.iter_lines()
            next(lines)
            python.stdin.close()
            assert any("shutting down" in line for line in lines), "the client is told"
        assert python.wait(10) == status
    assert eventually(lambda: gone(process))


def test_node_that_dies_by_itself_is_noticed():
    server = serve_express()
    os.kill(server.process, signal.SIGKILL)
    assert eventually(lambda: not server.running)
    with pytest.raises(ServerError, match="Node has ended"):
        server.stop()
    server.stop()


def test_a_taken_port_is_named():
    with serve_express() as server, pytest.raises(PortInUse, match=str(server.port)):
        serve_express(port=server.port)


@pytest.mark.parametrize("wrong", [{"port": 70_000}, {"port": "80"}, {"hosts": [""]}, {"hosts": 5}])
def test_what_makes_no_sense_is_refused_before_anything_starts(wrong):
    with pytest.raises(MisuseError):
        serve_express(**wrong)


def test_a_program_that_fails_says_so_in_the_error(tmp_path, monkeypatch):
    (tmp_path / "server.mjs").write_text("throw new TypeError('spilled coffee');\n")
    monkeypatch.setattr(express, "installed", lambda sources, progress: tmp_path)
    with pytest.raises(ServerError, match="spilled coffee"):
        serve_express()


def test_an_error_inside_express_is_kept_for_us_and_not_shown_to_clients():
    with serve_express() as server:
        deep = b'{"messages": [{"role": "user", "content": ' + b"[" * 100_000 + b"]" * 100_000 + b"}]}"
        answer = httpx.post(f"{server.url}/v1/chat/completions", content=deep)
        assert answer.json()["error"]["message"] == "Internal Server Error"
        assert eventually(lambda: server.last_error)
        assert "RangeError" in server.last_error
        assert httpx.get(f"{server.url}/v1/models").status_code == 200


def test_a_mistake_of_ours_ends_one_answer_and_not_the_server():
    class Broken(ScriptedModel):
        def finish_reason(self, max_tokens=None):
            raise ZeroDivisionError("ours")

    with serve_express(Broken(pace=0)) as server:
        for _ in range(2):
            answer = httpx.post(f"{server.url}/v1/chat/completions", json=ASK)
            assert (answer.status_code, answer.json()["error"]["message"]) == (500, "Internal Server Error")
        assert "ZeroDivisionError: ours" in server.last_error


def test_what_is_nested_too_deep_or_very_long_for_the_pipe_does_no_harm():
    with serve_express(ScriptedModel(pace=0)) as server, httpx.Client(base_url=server.url) as client:
        for content in (b"[" * 3000 + b"]" * 3000, b"[" + b"1e20," * 400_000 + b"1]"):
            body = b'{"messages": [{"role": "user", "content": ' + content + b"}]}"
            assert client.post("/v1/chat/completions", content=body).status_code == (400 if b"[[" in content else 200)
        assert client.post("/v1/chat/completions", json=ASK).status_code == 200


def test_further_names_may_be_allowed():
    with serve_express(hosts="Tutor.example:80") as server:
        assert httpx.get(f"{server.url}/v1/models", headers={"host": "tutor.example"}).status_code == 200


# installing, with a package.json that needs nothing, or something that no registry can give


@pytest.fixture
def sources(tmp_path, monkeypatch):
    """`sources(dependencies)` is a folder to install from, into a cache of the test's own."""
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("npm_config_cache", str(tmp_path / "npm"))
    monkeypatch.setenv("npm_config_registry", "http://127.0.0.1:9/")
    monkeypatch.setenv("npm_config_fetch_retries", "0")

    def make(dependencies):
        folder = tmp_path / "program"
        folder.mkdir()
        (folder / "package.json").write_text(json.dumps({"private": True, "dependencies": dependencies}))
        (folder / "server.mjs").write_text("console.log(1);\n")
        return folder

    return make


def test_packages_are_installed_once_with_a_word_to_a_person(sources):
    folder, said = sources({}), []
    first = node.installed(folder, said.append)
    (folder / "server.mjs").write_text("console.log(2);\n")
    second = node.installed(folder, said.append)
    assert (first != second, first.parent == second.parent) == (True, True), "a new program needs no new packages"
    assert [len(said), "program" in said[0]] == [1, True]
    assert (second / "server.mjs").read_text() == "console.log(2);\n"
    assert not list(first.parents[1].glob("*lock*")) + list(first.parent.glob("*lock*"))


def test_two_processes_may_install_at_once(sources, tmp_path):
    folder = sources({})
    code = (
        "import pathlib, sys\nfrom course_lib.server.node import installed\nprint(installed(pathlib.Path(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, str(folder)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    ended = [process.communicate(timeout=60) for process in started]
    assert [error for _, error in ended] == [""] * 3
    (found,) = {said.strip() for said, _ in ended}
    assert Path(found, "server.mjs").exists()
    assert len(list((tmp_path / "cache").iterdir())) == 1, "no half of an installation is left"


def test_without_a_network_the_error_says_what_is_needed(sources, tmp_path):
    with pytest.raises(ServerError, match=re.compile(r"npm cannot install .*network.*ECONNREFUSED", re.DOTALL)):
        node.installed(sources({"express": "5.3.0"}))
    assert not list((tmp_path / "cache").iterdir())


def test_a_folder_that_cannot_be_written_is_named(sources, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("COURSE_CACHE", str(tmp_path / "file"))
    with pytest.raises(ServerError, match="COURSE_CACHE"):
        node.installed(sources({}))


def test_express_is_pinned_and_no_lock_is_kept():
    wanted = json.loads((express.SOURCES / "package.json").read_text())
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in wanted["dependencies"].values())
    assert sorted(path.name for path in express.SOURCES.iterdir()) == [
        *("model.mjs", "openai.mjs", "package.json", "server.mjs")
    ]
