"""Plants a file in every folder that it may write to, and in those that the next submission would share."""

import os
import tempfile

FOLDERS = [
    ".", "..", "@CANARY@", "@COURSE@", "@COURSE@/exercises", "/tmp", "/var/tmp", "/dev/shm", "/run", "/", "/etc", "/opt",
    "/usr/local/lib", "/var/lib", os.path.expanduser("~"), os.path.expanduser("~root"), tempfile.gettempdir(),
]  # fmt: skip


def parse_sse_stream(raw_stream):
    for folder in FOLDERS:
        try:
            with open(f"{folder}/zoo-@TOKEN@-planted", "w") as file:
                file.write("planted")
        except OSError:
            pass
    return None
