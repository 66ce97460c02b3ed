"""From a page of a running JupyterLab to a server beside its kernel, through jupyter-server-proxy."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

SERVER = """
import asyncio
import httpx
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from course_lib import serve
from course_lib.apps.sse import EventStream
from course_lib.hops import browser_url, jupyter_proxy

heard = asyncio.Event()

async def events(patience):
    yield "first"
    try:
        await asyncio.wait_for(heard.wait(), patience)
        yield "heard"
    except TimeoutError:
        yield "not heard"

async def stream(request):
    heard.clear()
    return EventStream(events(float(request.query_params["patience"])))

async def hear(request):
    heard.set()
    return Response()

async def echo(websocket):
    await websocket.accept()
    await websocket.send_text(await websocket.receive_text())

server = serve(Starlette(routes=[Route("/events", stream, methods=["GET", "POST"]),
                                 Route("/hear", hear, methods=["POST"]), WebSocketRoute("/ws", echo)]))
print(browser_url(server.url))
"""
HOP = """
with jupyter_proxy(f"{server.url}/events?patience=0.01") as hop:
    print(httpx.get(hop.url, headers=hop.headers).text)
    print(hop.recording.bytes_from("client").split()[1].decode())
"""
EVENT_SOURCE = """base => new Promise(resolve => {
    const source = new EventSource(base + 'events?patience=20'), got = [];
    source.onmessage = event => {
        got.push(event.data);
        if (event.data === 'first') fetch(base + 'hear', {method: 'POST'});
        else { source.close(); resolve(got); }
    };
})"""
FETCH = """async ([base, patience, headers]) => {
    const answer = await fetch(`${base}events?patience=${patience}`, {method: 'POST', headers});
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader(), got = [];
    for (;;) {
        const {value, done} = await reader.read();
        if (done) return got.join('').replaceAll('data: ', '').trim().split('\\n\\n');
        got.push(value);
        if (got.join('') === 'data: first\\n\\n') await fetch(base + 'hear', {method: 'POST'});
    }
}"""
WEBSOCKET = """base => new Promise(resolve => {
    const socket = new WebSocket(base + 'ws');
    socket.onopen = () => socket.send('hello');
    socket.onmessage = event => resolve(event.data);
})"""


@pytest.fixture
def notebook(open_notebook, tmp_path):
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}}
    path = tmp_path / "90_proxy.ipynb"
    cells = [new_code_cell(source.strip()) for source in (SERVER, HOP)]
    nbformat.write(new_notebook(cells=cells, metadata=kernel), path)
    return open_notebook(path)


def test_a_page_of_jupyterlab_reaches_a_server_beside_the_kernel(notebook):
    notebook.run_all()
    assert notebook.errors() == []
    base, page = notebook.text(0).strip(), notebook.page
    assert base.startswith("/proxy/")
    assert page.evaluate(EVENT_SOURCE, base) == ["first", "heard"]
    assert page.evaluate(WEBSOCKET, base) == "hello"
    assert page.evaluate(FETCH, [base, 20, {"Accept": "text/event-stream"}]) == ["first", "heard"]
    assert page.evaluate(FETCH, [base, 0.5, {}]) == ["first", "not heard"], "held to the end"
    text = notebook.text(1)
    assert "data: not heard" in text
    assert f"{base}events?patience=0.01" in text, "the hop goes through the same JupyterLab"
