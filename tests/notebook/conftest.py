"""A small course as the course of the test, and its store."""

import pytest

from course_lib.notebook.store import store_of
from tests.mini_course import write_mini_course


@pytest.fixture
def course(tmp_path, monkeypatch):
    root = tmp_path / "course"
    monkeypatch.setenv("COURSE_ROOT", str(root))
    return write_mini_course(root)


@pytest.fixture
def store(course):
    return store_of(course)


@pytest.fixture
def shown(monkeypatch):
    """The panels that were displayed, in order."""
    from course_lib.notebook.panels import Panel

    panels = []
    monkeypatch.setattr(Panel, "show", lambda panel: panels.append(panel))
    return panels
