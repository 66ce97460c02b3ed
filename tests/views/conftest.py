"""For all tests of the views: no thread is left behind."""

import threading

import pytest


def threads():
    return [thread for thread in threading.enumerate() if thread.name == "view"]


@pytest.fixture(autouse=True)
def _no_thread_is_left():
    """A view that still follows something when its test ends is a bug of the test: `stop()` it."""
    yield
    for thread in threads():
        thread.join(10)
    assert not threads()
