"""Looks for the parser that another submission left behind, and uses it."""

import glob
import os

for folder in (".", "..", "@CANARY@", "@COURSE@", "/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue", os.path.expanduser("~")):
    for name in glob.glob(f"{folder}/zoo-@TOKEN@-half"):
        exec(open(name).read())
