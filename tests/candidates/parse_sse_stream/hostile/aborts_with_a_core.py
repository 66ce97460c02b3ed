"""Asks for a core file without limit and aborts, so that the file stays behind."""

import os
import resource


def parse_sse_stream(raw_stream):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (ValueError, OSError):
        pass
    os.abort()
