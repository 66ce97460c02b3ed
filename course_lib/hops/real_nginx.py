"""The real nginx as a hop: a recording tap, and behind it nginx with a generated configuration.

    client -> tap (hop.url, hop.recording) -> nginx -> url

Rule: whatever nginx does is nginx's own doing; here are only the settings, each with the default of nginx 1.22 (later
versions speak HTTP/1.1 to the server by default). One process without privileges of its own, on 127.0.0.1 and a free
port, its files in a temporary folder. It dies with the hop, and on Linux also when Python is killed.
Left out: TLS, HTTP/2, several servers.
"""

import asyncio
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from urllib.parse import urlsplit

from course_lib.errors import MisuseError, ServerError
from course_lib.hops.relay import Hop, plain_http, unchanged
from course_lib.server.background import replace_older

PLACES = "/usr/sbin:/usr/local/sbin:/opt/homebrew/bin"  # where nginx is, although an ordinary PATH does not say so
MOST_IDLE = 1_000_000  # seconds; nginx counts milliseconds in 32 bits
CONFIGURATION = """
daemon off; master_process off; pid pid; error_log error.log;
events { worker_connections 2048; }
http {
    access_log off;
    client_body_temp_path body; proxy_temp_path proxy;
    fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
    proxy_max_temp_file_size 64m;  # of one answer that is not read; nginx's default is 1024m
    map $http_upgrade $connection_upgrade { default upgrade; '' close; }
    server {
        listen 127.0.0.1:%(port)d reuseport;
        location / {
            proxy_pass http://%(server)s;
            proxy_set_header Host $http_host;
            proxy_buffering %(buffering)s;
            proxy_http_version %(http_version)s;
            proxy_read_timeout %(idle)dms;
            %(more)s
        }
    }
}
"""
WEBSOCKET = "proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;"
GZIP = "gzip on; gzip_types *; gzip_proxied any;"


def nginx(
    url: str,
    *,
    buffering: bool = True,
    websocket: bool = False,
    http_version: str | None = None,
    gzip: bool = False,
    idle: float = 60.0,
) -> Hop:
    """A hop that is the real nginx; with all defaults, the one that people meet.

    buffering: proxy_buffering; the server's `X-Accel-Buffering: no` turns it off for one answer. websocket: pass the
    Upgrade headers on. http_version: what nginx speaks to the server, "1.0" (None) or "1.1" (None with websocket).
    gzip: compress everything; nginx does not look at no-transform. idle: proxy_read_timeout in seconds.
    The recording shows the client's side; put a tap in front of the server, nginx(tap(url).url), to see the other.
    ServerError when nginx is not installed or does not start; MisuseError for impossible arguments.

        with serve(chunked.create_app()) as server, nginx(server.url) as hop, httpx.Client() as client:
            with client.stream("GET", f"{hop.url}/text") as answer:  # one piece or two; without buffering many
                print(len(list(answer.iter_raw())))
    """
    host, port = plain_http(url)
    version = http_version or ("1.1" if websocket else "1.0")
    if version not in ("1.0", "1.1") or (websocket and version == "1.0"):
        raise MisuseError(f'http_version is "1.0" or "1.1", with websocket=True "1.1"; got {http_version!r}')
    if not (isinstance(idle, int | float) and 0.001 <= idle <= MOST_IDLE):
        raise MisuseError(f"idle is a number of seconds from 0.001 to {MOST_IDLE:,}; got {idle!r}")
    program = shutil.which("nginx") or shutil.which("nginx", path=PLACES)
    if program is None:
        raise ServerError(
            "nginx is not installed. On Debian and Ubuntu: sudo apt install nginx-light; with conda: conda install "
            "-c conda-forge nginx; on macOS: brew install nginx. Without it, hops.buffering(url) shows the same effects"
        )
    replace_older()
    settings = {
        "server": f"{f'[{host}]' if ':' in host else host}:{port}",
        "buffering": "on" if buffering else "off",
        "http_version": version,
        "idle": round(idle * 1000),
        "more": f"{WEBSOCKET if websocket else ''} {GZIP if gzip else ''}",
    }
    return Nginx(program, url, settings).start()


class Nginx(Hop):
    """A tap and the nginx behind it."""

    def __init__(self, program: str, url: str, settings: dict[str, str | int]) -> None:
        # Bound and never listening: the port is ours until nginx, of the same user, listens beside it.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._reserved.bind(("127.0.0.1", 0))
        port = self._reserved.getsockname()[1]
        self._folder = Path(tempfile.mkdtemp(prefix="course-nginx-"))  # mode 0700
        (self._folder / "nginx.conf").write_text(CONFIGURATION % {"port": port, **settings}, "utf-8")
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None
        title = ", ".join(f"{name} {settings[name]}" for name in ("buffering", "http_version"))
        behind = urlsplit(url)._replace(scheme="http", netloc=f"127.0.0.1:{port}").geturl()
        super().__init__("nginx", behind, title, unchanged)

    async def _open(self) -> None:
        self._process = self._launch()
        while not (self._folder / "pid").exists():  # written when it listens
            if self._process.poll() is not None:
                log = self._folder / "error.log"
                text = log.read_text("utf-8", "replace").strip() if log.exists() else "it left no word"
                raise ServerError(f"nginx ended at once, with status {self._process.returncode}: {text[-500:]}")
            await asyncio.sleep(0.002)
        await super()._open()

    def _launch(self) -> subprocess.Popen[bytes]:
        command = [self._program, "-p", f"{self._folder}/", "-c", "nginx.conf", "-e", "error.log"]
        if guard := shutil.which("setpriv"):
            command = [guard, "--pdeathsig", "KILL", *command]  # the parent is this thread, which ends after nginx
        # Its words are in error.log; in a session of its own, because Ctrl-C and "Interrupt kernel" are not for it.
        null = subprocess.DEVNULL
        return subprocess.Popen(command, stdin=null, stdout=null, stderr=null, start_new_session=True)

    async def _close(self) -> None:
        await super()._close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._reserved.close()
        shutil.rmtree(self._folder, ignore_errors=True)
