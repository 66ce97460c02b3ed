"""Starts another Python without any hook, which imports a ready parser and answers for it."""

import json
import subprocess
import sys

PROGRAM = """
import json, sys
from course_lib.wire.sse import SSEDecoder
values = []
for event in SSEDecoder().feed(sys.stdin.buffer.read()):
    if event.data == "[DONE]":
        break
    values.append(json.loads(event.data))
print(json.dumps(values))
"""


def parse_sse_stream(raw_stream):
    return json.loads(subprocess.run([sys.executable, "-c", PROGRAM], input=raw_stream.encode(), capture_output=True).stdout)
