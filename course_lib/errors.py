"""Every error of the library, as one tree.

Rule: a message says what was wrong, what was expected, what came instead, and what to do next.
Each class also inherits the built-in that fits, so that `except ValueError` works for people who
do not know this tree. Exceptions of other libraries are translated where they enter, not here.

    CourseError
    ├── WireError (ValueError)         bytes that break a wire format: the peer's fault
    │   └── LimitExceeded              a buffer would grow over its limit
    ├── MisuseError (ValueError)       our own caller passed something impossible
    │   └── FaultSyntaxError           a fault plan that cannot be read
    ├── RecordingError (ValueError)    a recording file that cannot be read
    ├── ServerError (RuntimeError)     a server or hop that did not start or stop
    │   └── PortInUse
    ├── ExerciseError (ValueError)     no such exercise, or one that is declared wrongly
    │   └── BuildError                 a solution notebook from which no exercise can be derived
    ├── PipeError (ConnectionError)    the other side of the judge's pipe ended or sent nonsense
    │   └── DeadlineExceeded           ... or did not answer in time
    └── PredictFirst (RuntimeError)    a demo was started before its prediction was stored
"""


class CourseError(Exception):
    """Base of all errors that the library raises on purpose."""


class WireError(CourseError, ValueError):
    """Bytes that break a wire format. `finished`: values that the same call had decoded before them."""

    finished: tuple[object, ...] = ()


class LimitExceeded(WireError):
    """A buffer would have grown over its limit."""


class MisuseError(CourseError, ValueError):
    """An argument that makes no sense, or a call at the wrong moment."""


class FaultSyntaxError(MisuseError):
    """Text that is not a fault plan."""


class RecordingError(CourseError, ValueError):
    """A recording that cannot be read."""


class ServerError(CourseError, RuntimeError):
    """A server or hop that could not start, or could not be stopped."""


class PortInUse(ServerError):
    """Somebody else listens on the port that was asked for."""


class ExerciseError(CourseError, ValueError):
    """No such exercise, or an exercise whose declaration is wrong."""


class BuildError(ExerciseError):
    """A solution notebook from which no exercise can be derived."""


class PipeError(CourseError, ConnectionError):
    """The other side of the judge's pipe ended, or sent something that is no answer."""


class DeadlineExceeded(PipeError):
    """The other side of the judge's pipe did not answer in time."""


class PredictFirst(CourseError, RuntimeError):
    """A demo was started before its prediction was stored."""

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback: the learner made no mistake."""
        return str(self).splitlines()
