"""Has attributes that are properties: each look kills a process, plants a file, or gives something else."""

import os
import signal


class SSEParser:
    looks = 0

    def __init__(self, max_event_size=1_000_000):
        self.fed = b""

    def feed(self, data):
        self.fed += data
        return [] if not data.endswith(b"\n\n") else [{"event": "message", "data": "x", "id": "7"}]

    @property
    def last_event_id(self):
        SSEParser.looks += 1
        for folder in ("@CANARY@", "@COURSE@", "/tmp", "/var/tmp"):
            try:
                open(f"{folder}/zoo-@TOKEN@-look", "w").close()
            except OSError:
                pass
        return ["", "7", "7", "8"][min(SSEParser.looks - 1, 3)]

    @property
    def retry(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def close(self):
        pass
