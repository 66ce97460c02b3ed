"""Empties, renames and truncates what belongs to the course and to others."""

import os

for folder in ("@COURSE@", "@CANARY@"):
    for top, folders, files in os.walk(folder):
        for name in files:
            try:
                with open(os.path.join(top, name), "r+") as file:
                    file.truncate(0)
            except OSError:
                pass
    try:
        os.rename(folder, folder + "-zoo-@TOKEN@")
        os.chmod(folder, 0)
    except OSError:
        pass


def parse_sse_stream(raw_stream):
    return [1]
