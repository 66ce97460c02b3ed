"""Pictures of streams: live while they run, static when saved, each with a text twin.

Rule: everything is drawn from bytes, recordings or lanes that already exist; a view never changes what it shows.
The public names below are loaded on first use: decoding a recording must not cost the widget libraries.
"""

from importlib import import_module
from typing import Any

_HOME = {
    "waterfall": "waterfall",
    "bytes_view": "octets",
    "events_view": "events",
    "events_editor": "editor",
    "compare_parsers": "parsers",
    "http2_view": "http2",
    "websocket_view": "websocket",
}

__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name in _HOME:
        value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}; it has {', '.join(__all__)}")
