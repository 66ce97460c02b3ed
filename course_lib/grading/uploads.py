"""Reading what strangers hand in: files, folders, archives, and the code cells of notebooks.

Rule: nothing of it is run, imported or parsed as a program; no link is followed, nothing waits, nothing unbounded
is read. What cannot be read raises Unusable, in words: what was wrong, and what to do.
Left out: what belongs to whom, and which exercises it answers (submissions).
"""

import io
import json
import os
import posixpath
import re
import stat
import zipfile
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from course_lib.grading.starter import exercise_of

MAX_FILE = 20_000_000  # bytes of a notebook or module
MAX_CODE = 5_000_000  # bytes of its code, and of the modules beside it: as JSON, both fit in one message of the pipe
MAX_NODES = 1_000_000  # lists and objects in a notebook: each takes many times the memory of its two brackets
MAX_ARCHIVE = 200_000_000  # bytes of an archive, packed and unpacked
MAX_ENTRIES = 10_000
MAX_DEPTH, MAX_NAME = 30, 500  # of an entry: parts and characters of its name
MAX_RATIO = 100  # of unpacked to packed, when more than MAX_FILE comes out

_KINDS = {".ipynb": "notebook", ".py": "python", ".mjs": "javascript", ".js": "javascript", ".zip": "archive"}
MODULES = {"python": re.compile(r"[^\W\d]\w*\.py"), "javascript": re.compile(r"[\w-][\w.-]*\.m?js")}  # importable
_OTHER = re.compile(r"\.(tar|tgz|gz|bz2|xz|rar|7z)$|\.ipynb\.\w+$", re.IGNORECASE)  # work, in a form that is not read
_SKIPPED = ("checks", "__pycache__", "__MACOSX", "node_modules", "site-packages")

LINK = "it is a symbolic link, which could point anywhere and is not followed: hand in the file itself"
_SAVE = "save it again with JupyterLab 4 and hand that file in"
_PACK = "pack the files again as an ordinary .zip"

Read = Callable[[], bytes]
Tree = dict[str, Read]  # by posix name; a name that ends with / is a folder, or a link that may have been to one
Sources = tuple[tuple[str, str], ...]  # (name, source)


class Unusable(Exception):
    """Words for Submission.error; caught in submissions."""


def kind_of(name: str) -> str:
    """notebook, python, javascript, archive, other (work in a form that is not read), or "" for all else."""
    return _KINDS.get(posixpath.splitext(name)[1].lower()) or ("other" if _OTHER.search(name) else "")


def shown(name: str) -> str:
    """A stranger's file name, safe to print and to encode. Different names stay different."""
    return "".join(c if c.isprintable() and c != "\\" else c.encode("unicode_escape").decode() for c in name)


def walk(top: Path) -> Tree:
    """All files below a folder, unread."""
    tree: Tree = {}
    folders = [(top, "")]
    while folders:
        folder, prefix = folders.pop()
        try:
            for entry in os.scandir(folder):
                name, path = prefix + entry.name, folder / entry.name
                if _skipped([entry.name]):
                    continue
                if entry.is_dir(follow_symlinks=False):
                    tree[name + "/"] = bytes
                    folders.append((path, name + "/"))
                else:
                    tree[name + "/" * (entry.is_symlink() and not kind_of(name))] = partial(read_file, path)
        except OSError as error:
            tree[prefix] = partial(_fail, _words(error))
    return tree


def read_file(path: Path) -> bytes:
    """The bytes of a regular file. Never waits, whatever stands at `path`."""

    def size_of(status: os.stat_result) -> int:
        if stat.S_ISLNK(status.st_mode):
            raise Unusable(LINK)
        if not stat.S_ISREG(status.st_mode):
            raise Unusable("it is not a regular file but a pipe, socket or device: hand in the file itself")
        if status.st_size > _limit(path.name):
            raise _too_large(path.name)
        return status.st_size

    flags = os.O_RDONLY | sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"))
    try:
        size_of(os.lstat(path))  # first: a device may act on being opened
        with open(os.open(path, flags), "rb") as file:
            return file.read(size_of(os.fstat(file.fileno())))
    except OSError as error:
        raise Unusable(_words(error)) from error


def unpack(read: Read, stem: str) -> Tree:
    """The entries of an archive, unread, without a folder `stem` around all. A bad entry is found when it is read."""
    data = read()
    if data.count(b"PK\1\2") > 10 * MAX_ENTRIES:  # the mark of an entry; zipfile would make an object of each
        raise Unusable(f"it has far more than {MAX_ENTRIES:,} entries: {_PACK}")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # zipfile has a dozen kinds for bytes made to break it
        raise Unusable(f"it is damaged, or no .zip archive: {_PACK}") from error
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise Unusable(f"it has more than {MAX_ENTRIES:,} entries: leave out what is not needed")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_ARCHIVE:
        raise Unusable(f"it unpacks to more than {MAX_ARCHIVE // 1_000_000} MB: leave out what is not needed")
    if total > max(MAX_FILE, MAX_RATIO * len(data)):
        raise Unusable(f"it unpacks to over {MAX_RATIO} times its size, like archives made to do harm: {_PACK}")
    tree: Tree = {}
    files: list[str] = []
    folders: set[str] = set()
    for entry in entries:
        raw = entry.filename.replace("\\", "/")
        parts = [part for part in raw.split("/") if part not in ("", ".")]
        if raw.startswith("/") or ".." in parts or re.match("[A-Za-z]:", raw):
            raise Unusable(f"its entry {shown(entry.filename)} would lie outside of it: {_PACK}")
        if len(parts) > MAX_DEPTH or len(raw) > MAX_NAME:
            raise Unusable(f"its entry {shown(entry.filename[:60])}... lies too deep or has too long a name: {_PACK}")
        name, folder = "/".join(parts), raw.endswith("/")
        folders.update("/".join(parts[:depth]) for depth in range(1, len(parts) + folder))
        files += [name] * (not folder)
        if parts and not _skipped(parts):
            link = stat.S_ISLNK(entry.external_attr >> 16) and not kind_of(name)
            tree[name + "/" * (folder or link)] = bytes if folder else partial(_read_entry, archive, entry)
    if len(set(files) - folders) < len(files):
        raise Unusable(f"two of its entries have the same name: {_PACK}")
    if all(name.startswith(stem + "/") for name in tree):
        tree = {name.removeprefix(stem + "/"): read for name, read in tree.items() if name != stem + "/"}
    return tree


def _read_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise Unusable(LINK)
    if entry.flag_bits & 1:
        raise Unusable("it is encrypted: pack it without a password")
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # zipfile unpacks others all at once
        raise Unusable(f"its way of compression is not read: {_PACK}")
    if entry.file_size > _limit(entry.filename):
        raise _too_large(entry.filename)
    try:
        with archive.open(entry) as file:
            return file.read(entry.file_size + 1)  # without a number all is unpacked first, and then cut
    except Exception as error:
        raise Unusable(f"it is damaged inside the archive: {_PACK}") from error


def text_of(data: bytes) -> str:
    """UTF-8 with or without a byte order mark, line ends as \\n."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unusable("it is not UTF-8 text: save it as UTF-8 and hand that file in") from error
    if not text.strip():
        raise Unusable("it is empty: save your work and hand that file in")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def code_cells(data: bytes) -> Sources:
    """(exercise id in the cell's metadata or "", source) of each code cell of a notebook."""
    text = text_of(data)
    if text.count("[") + text.count("{") > MAX_NODES:
        raise Unusable(
            f"not a notebook: more than {MAX_NODES:,} lists and objects; clear its outputs and save it again"
        )
    try:
        notebook = json.loads(text)
    except json.JSONDecodeError as error:
        if error.pos >= len(text.rstrip()) or error.msg.startswith("Unterminated string"):
            raise Unusable(f"not a notebook: it breaks off after {len(text):,} characters; hand it in again") from error
        raise Unusable(f"not a notebook: no JSON ({error.msg}, line {error.lineno}); {_SAVE}") from error
    except (RecursionError, ValueError) as error:
        raise Unusable(f"not a notebook: its JSON is nested too deeply, or a number in it too long; {_SAVE}") from error
    notebook = notebook if isinstance(notebook, dict) else {}
    if "cells" not in notebook and "worksheets" in notebook:
        raise Unusable(f"a notebook of the old format 3, and not 4: {_SAVE}")
    cells = notebook.get("cells")
    if not isinstance(cells, list) or not all(isinstance(cell, dict) for cell in cells):
        raise Unusable(f"not a notebook: it is JSON, but not with a list of cells; {_SAVE}")
    found = tuple(_code_cell(cell, number) for number, cell in enumerate(cells, 1) if cell.get("cell_type") == "code")
    require_small(sum(len(source.encode()) for _, source in found))
    return found


def _code_cell(cell: dict[str, Any], number: int) -> tuple[str, str]:
    lines = cell.get("source")
    lines = [lines] if isinstance(lines, str) else lines
    if not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise Unusable(f"not a notebook: the source of its cell {number} is not text; {_SAVE}")
    # Half a character cannot be encoded; as an escape it means the same in a string
    return exercise_of(cell), "".join(lines).encode("utf-8", "backslashreplace").decode()


def modules_in(tree: Tree, language: str) -> Sources:
    """The modules at the top of `tree`. One that cannot be read says so when it is imported."""
    found, size = [], 0
    for name in sorted(filter(MODULES[language].fullmatch, tree)):
        try:
            data = tree[name]()
            source = text_of(data) if data.strip() else ""  # an empty module does no harm
        except Unusable as error:
            words = json.dumps(f"{name} was not taken: {error}")
            source = f"raise ImportError({words})" if language == "python" else f"throw new Error({words})"
        size += len(source.encode())
        require_small(size, "the code beside it")
        found.append((name, source))
    return tuple(found)


def require_small(size: int, what: str = "its code") -> None:
    """Unusable when the code is too large for the pipe."""
    if size > MAX_CODE:
        raise Unusable(f"{what} is larger than {MAX_CODE // 1_000_000} MB: leave data out of it")


def _skipped(parts: Iterable[str]) -> bool:
    return any(part.startswith(".") or part in _SKIPPED for part in parts)


def _limit(name: str) -> int:
    return MAX_ARCHIVE if kind_of(name) == "archive" else MAX_FILE


def _too_large(name: str) -> Unusable:
    return Unusable(
        f"it is larger than {_limit(name) // 1_000_000} MB: clear the outputs, leave out data, hand it in again"
    )


def _fail(why: str) -> bytes:
    raise Unusable(why)


def _words(error: OSError) -> str:
    if isinstance(error, PermissionError):
        return "permission denied: let the one who grades read it, and grade again"
    return f"it cannot be read ({error.strerror or type(error).__name__}): hand it in again"
