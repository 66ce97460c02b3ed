"""The examples in the docstrings of apps, servers and hops run as they stand, and leave nothing behind."""

import ast
import contextlib
import io
import re
import textwrap
from pathlib import Path

import pytest

import course_lib

LIBRARY = Path(course_lib.__file__).parent
KNOWN = """
import json, ssl
import httpx, websockets.sync.client
from course_lib import serve
from course_lib.apps import chunked, openai_api, websocket_chat
from course_lib.hops import buffering, chaos, nginx, tap
"""


def example_in(doc):
    """The code in a docstring: its indented paragraphs, from the imports if there are any to that with `with serve`."""
    code = []
    for paragraph in doc.split("\n\n"):
        if code or re.match(" {4}(import|from|with) ", paragraph):
            code.append(paragraph)
        if code and re.search("^ {4}with .*serve", paragraph, re.MULTILINE):
            return textwrap.dedent("\n\n".join(code))
    return None


def examples():
    for wing in ("apps", "server", "hops"):
        for file in sorted((LIBRARY / wing).glob("*.py")):
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                    example = example_in(ast.get_docstring(node) or "")
                    if example and "jupyter_proxy(" not in example:  # needs a JupyterLab: see test_jupyter_proxy
                        yield pytest.param(example, id=f"{wing}/{file.stem}")


@pytest.mark.parametrize("example", list(examples()))
def test_an_example_runs_as_it_stands(example, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(KNOWN, names)
    expected = re.search(r"# raises (\S+?);?\s", example)
    ending = pytest.raises(eval(expected[1], names)) if expected else contextlib.nullcontext()
    with contextlib.redirect_stdout(io.StringIO()) as printed, ending:
        exec(example, names)
    assert "print(" not in example or printed.getvalue()
