"""For all tests: nobody's progress is touched, and in CI a skipped test is a failure."""

import os

import pytest

import tests.strategies  # noqa: F401 - the profile of hypothesis that it loads is everybody's


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch):
    """Progress is written to a folder of the test's own."""
    monkeypatch.setenv("COURSE_STATE", str(tmp_path / "course-state"))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session, exitstatus):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if os.environ.get("CI") and reporter and reporter.stats.get("skipped") and exitstatus == 0:
        reporter.write_line("CI: a skipped test is a failure; install what it needs (tests/system_packages.sh)")
        session.exitstatus = 1
