"""A small course as the course of the test."""

import pytest

from tests.mini_course import write_mini_course


@pytest.fixture
def course(tmp_path, monkeypatch):
    root = tmp_path / "course"
    monkeypatch.setenv("COURSE_ROOT", str(root))
    return write_mini_course(root)
