"""Leaves a daemon behind (two forks, a session of its own) that goes on writing for a minute."""

import os
import time

FOLDERS = ("@CANARY@", "/tmp", "/var/tmp", "/dev/shm")


def daemon():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            for count in range(600):
                for folder in FOLDERS:
                    try:
                        with open(f"{folder}/zoo-@TOKEN@-daemon", "w") as file:
                            file.write(str(count))
                    except OSError:
                        pass
                time.sleep(0.1)
        os._exit(0)


daemon()


def parse_sse_stream(raw_stream):
    daemon()
