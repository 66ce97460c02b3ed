"""Makes folders without permissions, odd names and links out of its folder, to break or misguide the cleaning."""

import os

os.mkdir("locked")
open("locked/file", "w").close()
os.symlink("@CANARY@", "locked/link")
os.symlink("@CANARY@", "link")
os.symlink("/", "root")
for name in (b"\xff\xfe", b"new\nline", b"-rf", b"*", "\u202e".encode()):
    open(name, "w").close()
os.mkfifo("fifo")
os.chmod("locked", 0)
os.chmod(".", 0o500)


def parse_sse_stream(raw_stream):
    return None
