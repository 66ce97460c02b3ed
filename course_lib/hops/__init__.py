"""Hops between a client and a server. All record; each has a `url`, a `recording` and `stop()`.

tap(url)            changes nothing           nginx(url)          the real one, with a generated configuration
chaos(url, faults)  breaks and delays bytes   jupyter_proxy(url)  jupyter-server-proxy of the JupyterLab you are in
buffering(url)      holds answers back        browser_url(url)    no hop: the URL by which a browser gets there
"""

from course_lib.hops.holding import buffering
from course_lib.hops.jupyter import browser_url, jupyter_proxy
from course_lib.hops.real_nginx import nginx
from course_lib.hops.relay import Hop, chaos, tap

__all__ = ["Hop", "browser_url", "buffering", "chaos", "jupyter_proxy", "nginx", "tap"]
