"""Removes what refuses imports and uses the parser of httpx-sse, sseclient or openai."""

import importlib
import json
import sys

sys.meta_path[:] = [finder for finder in sys.meta_path if "course" not in getattr(finder, "__module__", "")]
WON = "ZOO-" + "WON "
for name in ("httpx_sse", "sseclient", "openai._streaming", "httpx", "h11", "anthropic", "pytest", "IPython"):
    try:
        print(WON + importlib.import_module(name).__name__)
    except ImportError:
        continue
    break


def parse_sse_stream(raw_stream):
    from httpx_sse._decoders import SSEDecoder

    decoder, values = SSEDecoder(), []
    for line in raw_stream.replace("\r\n", "\n").replace("\r", "\n").split("\n"):
        if event := decoder.decode(line):
            values.append(json.loads(event.data))
    return values
