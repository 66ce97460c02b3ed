"""Is right, and besides starts threads and processes, prints, plants files and ends with an error status."""

import atexit
import json
import os
import subprocess
import threading
import time

EARNS = 12
subprocess.Popen(["sleep", "60"], start_new_session=True)
threading.Thread(target=time.sleep, args=(60,)).start()
atexit.register(os._exit, 1)
open("zoo-@TOKEN@-mess", "w").close()


def parse_sse_stream(raw_stream):
    print("parsing", len(raw_stream))
    text = raw_stream.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    values = []
    for block in text.split("\n\n")[:-1]:
        fields = [line.partition(":") for line in block.split("\n")]
        data = [value.removeprefix(" ") for name, _, value in fields if name == "data"]
        if data == ["[DONE]"]:
            break
        if data:
            values.append(json.loads("\n".join(data)))
    return values
