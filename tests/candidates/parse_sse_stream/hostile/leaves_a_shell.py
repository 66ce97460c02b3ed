"""Leaves shells behind that ignore the end of the session."""

import subprocess


def parse_sse_stream(raw_stream):
    subprocess.run(["sh", "-c", "(trap '' HUP TERM; nohup setsid sleep 60 >/dev/null 2>&1 &) & "])
    subprocess.Popen(["sh", "-c", "sleep 60 & sleep 60 & exec sleep 60"], start_new_session=True)
