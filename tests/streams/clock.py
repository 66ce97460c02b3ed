"""An event loop that does not wait: its clock jumps to the next timer, so that hours pass in a test at no cost."""

import asyncio


class JumpingLoop(asyncio.SelectorEventLoop):
    """Its time starts at 0 and moves only while all tasks wait."""

    def __init__(self):
        super().__init__()
        self.now = 0.0
        select = self._selector.select

        def jump(timeout=None):
            self.now += timeout or 0.0
            return select(0)

        self._selector.select = jump

    def time(self):
        return self.now


def in_jumps(test):
    """Run the coroutine function `test` on such a loop."""
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(test())
