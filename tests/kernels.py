"""For nbval: kernels that are reached by Unix sockets. Used as `python -m pytest -p tests.kernels --nbval ...`.

Jupyter looks for free ports and hands them to a kernel, which takes them a second later: time enough for somebody
else to take one, and then a notebook fails that has no fault.
"""

import itertools
import os
import tempfile
from typing import Any

from jupyter_client.manager import KernelManager
from nbval import kernel

_folder = tempfile.TemporaryDirectory()
_numbers = itertools.count()


def _by_socket(**settings: Any) -> KernelManager:
    file = f"{_folder.name}/{next(_numbers)}.json"
    return KernelManager(transport="ipc", connection_file=file, **settings)


if os.name == "posix":
    kernel.KernelManager = _by_socket
