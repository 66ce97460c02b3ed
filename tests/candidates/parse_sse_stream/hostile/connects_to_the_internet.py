"""Connects to hosts of the internet, and to a proxy that its environment may name."""

import os
import socket
import urllib.parse

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    hosts = [("8.8.8.8", 53), ("1.1.1.1", 443), ("2001:4860:4860::8888", 53)]
    for name in ("http_proxy", "https_proxy", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"):
        if url := os.environ.get(name):
            hosts.append((urllib.parse.urlsplit(url).hostname, urllib.parse.urlsplit(url).port))
    for host in hosts:
        try:
            socket.create_connection(host, 1).close()
        except OSError:
            continue
        raise RuntimeError(WON + f"connected to {host}")
    return None
