"""A throw-away certificate authority and a certificate for loopback names, as files, because ssl wants files.

Rule: nothing outlives the server. The key is readable by its owner only, and its file does not outlive the start.
"""

import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from course_lib.errors import MisuseError


class Certificate:
    """`chain_file` and `key_file` for the server, `ca_file` for its clients."""

    def __init__(self, hosts: Iterable[str]) -> None:
        import trustme  # takes 0.1 s, and few servers need it

        authority = trustme.CA()
        try:
            leaf = authority.issue_cert(*sorted(hosts))
        except ValueError as error:  # those of idna are
            raise MisuseError(f"a certificate needs names such as 'my.example'; {error}") from None
        self._folder = tempfile.mkdtemp(prefix="course-tls-")  # mode 0700
        self.ca_file = self._write("ca.pem", [authority.cert_pem])
        self.chain_file = self._write("chain.pem", leaf.cert_chain_pems)
        self.key_file = self._write("key.pem", [leaf.private_key_pem])

    def _write(self, name: str, parts: list[Any]) -> str:
        path = Path(self._folder) / name
        path.write_bytes(b"".join(part.bytes() for part in parts))
        return str(path)

    def forget_key(self) -> None:
        """Called when the server has read it: whatever ends Python later, no key is left behind."""
        Path(self.key_file).unlink()

    def remove(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
