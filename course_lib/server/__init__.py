"""Servers in the background of a notebook or a test: `serve(app)` gives a running server with a `url`."""

from course_lib.server.background import stop_all
from course_lib.server.serving import Server, serve

__all__ = ["Server", "serve", "stop_all"]
