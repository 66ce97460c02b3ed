"""A notebook cell that runs again replaces what it has started. Real IPython, with and without a kernel."""

import textwrap

import pytest
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.manager import KernelManager

from course_lib.server import cells

SETUP = """
from course_lib import serve, tap
async def app(scope, receive, send): ...
"""


@pytest.fixture
def shell():
    shell = InteractiveShell.instance()
    yield shell
    InteractiveShell.clear_instance()


def run(shell, code, **options):
    result = shell.run_cell(textwrap.dedent(code), **options)
    result.raise_error()
    return shell.user_ns


@pytest.mark.parametrize("history", [False, True])
def test_a_cell_that_runs_again_replaces_its_server(shell, history):
    run(shell, SETUP, store_history=history)
    first = run(shell, "server = serve(app)", store_history=history)["server"]
    second = run(shell, "server = serve(app)", store_history=history)["server"]
    assert (first.running, second.running) == (False, True)
    second.stop()


def test_a_fixed_port_is_free_again_for_the_cell_that_took_it(shell):
    run(shell, SETUP)
    port = run(shell, "server = serve(app)")["server"].port
    run(shell, "server.stop()")
    for _ in range(2):
        server = run(shell, f"server = serve(app, port={port})")["server"]
    assert server.port == port
    server.stop()


def test_servers_and_hops_of_one_run_live_side_by_side_and_are_replaced_together(shell):
    run(shell, SETUP)
    cell = "things = [serve(app), serve(app)]; things.append(tap(things[0].url))"
    first = run(shell, cell)["things"]
    assert [thing.running for thing in first] == [True] * 3
    second = run(shell, cell)["things"]
    assert [thing.running for thing in first + second] == [False] * 3 + [True] * 3
    for thing in second:
        thing.stop()


def test_another_cell_replaces_nothing(shell):
    run(shell, SETUP)
    one = run(shell, "one = serve(app)")["one"]
    two = run(shell, "two = serve(app)")["two"]
    assert (one.running, two.running) == (True, True)
    one.stop()
    two.stop()


def test_a_function_that_two_cells_call_belongs_to_neither(shell):
    run(shell, SETUP + "def started(): return serve(app)")
    one = run(shell, "one = started()")["one"]
    two = run(shell, "two = started()")["two"]
    again = run(shell, "two = started()")["two"]
    assert (one.running, two.running, again.running) == (True, False, True)
    one.stop()
    again.stop()


def test_outside_ipython_nothing_is_replaced():
    assert cells.origin() == cells.Origin("", "")
    assert not cells.replaces(cells.origin(), cells.origin())


def test_in_a_kernel_the_id_of_the_cell_counts_or_its_code_also_from_a_thread():
    manager = KernelManager()
    manager.start_kernel()
    client = manager.blocking_client()
    try:
        client.start_channels()
        client.wait_for_ready(timeout=120)

        def execute(code, cell=None):
            content = {"code": code, "silent": False, "store_history": True, "user_expressions": {"said": "said"}}
            metadata = {"cellId": cell} if cell else {}
            message = client.session.msg("execute_request", content, metadata=metadata)
            client.shell_channel.send(message)
            while True:  # an answer to an earlier question of wait_for_ready may still come
                answer = client.get_shell_msg(timeout=120)
                if answer["parent_header"].get("msg_id") == message["header"]["msg_id"]:
                    break
            reply = answer["content"]
            assert reply["status"] == "ok", reply
            return reply["user_expressions"]["said"].get("data", {}).get("text/plain")

        execute(SETUP, "setup")
        execute("first = serve(app)", "cell one")
        execute("other = serve(app)", "cell two")
        execute("edited = serve(app)  # in the same cell, with other code", "cell one")
        running = "said = [server.running for server in %s]"
        assert execute(running % "(first, other, edited)", "cell 3") == "[False, True, True]"
        execute("import asyncio; servers = []")
        for _ in range(2):
            execute("servers.append(await asyncio.to_thread(serve, app))")
            execute("servers += [await asyncio.to_thread(serve, app)]")
        assert execute(running % "servers") == "[False, False, True, True]"
    finally:
        client.stop_channels()
        manager.shutdown_kernel()
        manager.cleanup_resources()
