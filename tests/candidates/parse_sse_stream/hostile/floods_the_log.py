"""Logs, warns and raises with texts of megabytes."""

import logging
import sys
import warnings

TEXT = "12 passed\n" * 100_000
logging.basicConfig(level=0, force=True)


def parse_sse_stream(raw_stream):
    for _ in range(50):
        logging.critical(TEXT)
        warnings.warn(TEXT, stacklevel=1)
        sys.__stderr__.write(TEXT)
    raise ValueError(TEXT)
