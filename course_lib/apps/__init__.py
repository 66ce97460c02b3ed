"""Demo servers as ASGI apps, one module per wire format, each with `create_app(model, faults, ...)`.

Rule: an app is a plain value until it is served; nothing runs and nothing is shared between two of them.
The modules load on demand: `from course_lib.apps import openai_api`, or `create("openai_api")` by name.
"""

from importlib import import_module
from typing import Any

from course_lib.errors import MisuseError
from course_lib.faults import FaultPlan
from course_lib.model import ScriptedModel

NAMES = ("anthropic_api", "chunked", "openai_api", "relay", "resume", "websocket_chat")


def create(
    name: str, *, model: ScriptedModel | None = None, faults: FaultPlan | str | None = None, **options: Any
) -> Any:
    """The app called `name`, as `serve` takes it; options are those of its `create_app`.

    MisuseError when there is no such app, or for a fault it cannot play.
    """
    if name not in NAMES:
        raise MisuseError(f"there is no app {name!r}; there are {', '.join(NAMES)}")
    return import_module(f"{__name__}.{name}").create_app(model=model, faults=faults, **options)
