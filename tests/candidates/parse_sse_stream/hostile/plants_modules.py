"""Plants modules and start-up files that the next Python process would load: sitecustomize, .pth, conftest, json."""

import os
import site
import sys

HARMLESS = '"zoo-@TOKEN@"\n'
NAMES = ["sitecustomize.py", "usercustomize.py", "conftest.py", "json.py", "struct.py", "pytest.py", "zoo-@TOKEN@.pth"]


def plant(folder, names):
    for name in names:
        try:
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, name), "x") as file:
                file.write(HARMLESS if name.endswith(".py") else "# zoo-@TOKEN@\n")
        except OSError:
            pass


for folder in (os.getcwd(), "@COURSE@", "@COURSE@/exercises/checks", "@COURSE@/solutions/checks", "@CANARY@"):
    plant(folder, NAMES)
for folder in (*site.getsitepackages(), *sys.path[1:], site.getusersitepackages(), "/tmp", "/var/tmp", "/dev/shm"):
    plant(folder, NAMES[-1:])


def parse_sse_stream(raw_stream):
    return None
