"""Small pieces leave at once: without TCP_NODELAY a kept-alive answer waits 40 ms behind its own head."""

import socket

from course_lib import serve, tap
from course_lib.apps import chunked


def test_servers_and_hops_switch_nagles_algorithm_off():
    with serve(chunked.create_app()) as server, tap(server.url) as hop:
        for listener in (server._socket, hop._socket):
            assert listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            with socket.create_connection(("127.0.0.1", listener.getsockname()[1])):
                pass
