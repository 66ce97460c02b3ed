"""From a browser to a server beside the kernel: through jupyter-server-proxy, `/proxy/<port>/` of JupyterLab.

Rule: a browser need not be on the computer where the kernel runs (JupyterHub, Binder), and a page of JupyterLab may
read only what has its own origin; its own server passes both on. Python code beside the server needs none of this.
What jupyter-server-proxy does to a stream: it passes at once only if the request's Accept is `text/event-stream` and
nothing else; WebSockets pass; everything else is held until its end.
Left out: a JupyterLab of our own; this is the one that runs.
"""

import json
import os
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from course_lib.errors import ServerError
from course_lib.hops.relay import Hop, address, unchanged
from course_lib.server.background import replace_older


def browser_url(url: str) -> str:
    """The URL by which code on a page of JupyterLab, JupyterHub or Binder reaches a local server, or hop.

    In a kernel of Jupyter a path on the page's own host, `/user/ann/proxy/8000/text`; elsewhere `url` itself.
    In the browser it goes into fetch, EventSource and WebSocket as it is. MisuseError for what is no URL.

        browser_url(f"{server.url}/text")
    """
    address(url)
    prefix = os.environ.get("JUPYTERHUB_SERVICE_PREFIX") or _running_server().get("base_url")
    return url if prefix is None else _proxied(prefix, url)


def jupyter_proxy(url: str) -> "JupyterProxy":
    """A hop that goes through jupyter-server-proxy of the JupyterLab to which this kernel belongs, and records.

    Requests need `hop.headers`: JupyterLab asks for its token. They are recorded with it, so do not pass such a
    recording on. ServerError when this is no kernel of a running JupyterLab; MisuseError for what is no URL.

        with serve(chunked.create_app()) as server, jupyter_proxy(server.url) as hop:
            httpx.get(f"{hop.url}/text", headers=hop.headers)  # everything at once
    """
    found = _running_server()
    if not found:
        raise ServerError(
            "there is no JupyterLab here to go through: run this in a notebook of a JupyterLab that is open"
        )
    address(url)
    replace_older()
    return JupyterProxy(url, found).start()


class JupyterProxy(Hop):
    """A tap in front of a running JupyterLab; `headers` is what a request needs to be let in."""

    def __init__(self, url: str, found: dict[str, Any]) -> None:
        front = urlsplit(found["url"])._replace(path=_proxied(found["base_url"], url)).geturl()
        super().__init__("jupyter", front, "proxy", unchanged)
        self.headers = {"Authorization": f"token {found['token']}"} if found.get("token") else {}


def _proxied(prefix: str, url: str) -> str:
    parts = urlsplit(url)
    path = parts._replace(scheme="", netloc="").geturl()
    return f"{prefix.rstrip('/')}/proxy/{address(url)[1]}/{path.lstrip('/')}"


def _running_server() -> dict[str, Any]:
    """What the Jupyter server that started this kernel has written down about itself; empty if there is none."""
    from jupyter_core.paths import jupyter_runtime_dir

    try:
        number = int(os.environ["JPY_PARENT_PID"])
        text = (Path(jupyter_runtime_dir()) / f"jpserver-{number}.json").read_text("utf-8")
        found: dict[str, Any] = json.loads(text)
    except (KeyError, ValueError, OSError):
        return {}
    return found
