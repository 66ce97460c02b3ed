"""Looks up where packages are installed in their metadata, and lists what is there."""

import importlib.metadata

WON = "ZOO-" + "WON "


def parse_sse_stream(raw_stream):
    for distribution in importlib.metadata.distributions():
        name = distribution.metadata["Name"]
        if name in ("streaming-course", "httpx-sse", "sseclient-py", "openai", "pytest"):
            raise RuntimeError(WON + name)
    return None
