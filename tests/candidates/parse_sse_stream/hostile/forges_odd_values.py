"""Sends values in forms that no value has: wrong tags, wrong base64, keys that are lists, NaN as text."""

import gc
import json

VALUES = [
    {"d": [[[1], 1]]}, {"d": [[{"d": []}, 1]]}, {"d": [1]}, {"d": "ab"}, {"b": "*"}, {"b": 5}, {"i": "1_0"}, {"i": "zz"},
    {"u": "7aCA"}, {"u": "/w=="}, {"h": [1]}, {"h": [True, "object", "x"]}, {"a": 1, "b": 2}, {}, {"": ""},
    [[1], {"d": [["a", float("nan")]]}], [float("inf")], {"i": "-0x" + "f" * 100_000}, {"_plain": "list"}, {"ok": [1]},
]  # fmt: skip


def parse_sse_stream(raw_stream):
    body = json.dumps({"ok": VALUES[len(raw_stream) % len(VALUES)]}).encode()
    for thing in gc.get_objects():
        if type(thing).__name__ == "Session":
            thing.pipe.sock.sendall(len(body).to_bytes(4, "big") + body)
    return [1]
