"""Raises a KeyboardInterrupt subclass while it is loaded."""


class Stop(KeyboardInterrupt):
    def __str__(self):
        raise SystemExit(0)


raise Stop
