"""A scripted model, played: its tokens in their time, with the token faults of a plan.

Rule: tokens keep to the schedule of the model, not to the speed of the loop; a late one does not make all
others late. What a fault means for the connection is said by exceptions, which the apps translate.
"""

import asyncio
from collections.abc import AsyncGenerator, Iterable
from typing import Any

from starlette.exceptions import HTTPException

from course_lib.apps.live import HangUp, check_ping
from course_lib.apps.request import BadRequest
from course_lib.errors import MisuseError
from course_lib.faults import Fault, FaultPlan, plan_for
from course_lib.model import ScriptedModel

Steps = list[tuple[float, str]]  # (seconds to wait before this token, token)

GARBLED = None  # stands for a token that must be sent as something that cannot be parsed


class EndEarly(Exception):
    """The answer ends properly, but without its terminator."""


class ModelFailed(Exception):
    """The model failed in the middle of an answer."""


def prepared(
    model: ScriptedModel | None, faults: FaultPlan | str | None, ping: float | None = None
) -> tuple[ScriptedModel, FaultPlan]:
    """The model and the plan of an app. MisuseError for what no request could be answered with, before there is one."""
    if not isinstance(model, ScriptedModel | None):
        raise MisuseError(f"a model is a ScriptedModel, such as ScriptedModel('text'), or None; got {model!r}")
    check_ping(ping)
    return model or ScriptedModel(), plan_for("token", faults)


def faults_of(plan: FaultPlan, number: int) -> FaultPlan:
    """The faults of one answer. HTTPException when one of them is a status."""
    here = plan.for_answer(number)
    for fault in here.of("status"):
        raise HTTPException(fault.value or 500, "Refused, as the fault plan says.")
    return here


def scripted(model: ScriptedModel, most: int | None, tool: dict[str, Any] | None = None) -> tuple[Steps, str]:
    """What the model will say in at most `most` tokens, and why it stops: "stop", "length" or "tool_calls".

    tool: the function that must be called, as {"parameters": JSON schema}; its arguments are then what is said.
    BadRequest for parameters that are no schema of an object.
    """
    if tool is None:
        return list(model.steps(most)), model.finish_reason(most)
    try:
        steps = list(model.argument_steps({**(tool.get("parameters") or {}), "type": "object"}))
    except (AttributeError, KeyError, RecursionError, TypeError):
        raise BadRequest("The 'parameters' of a function must be a JSON schema of an object.", "tools") from None
    return steps[:most], "tool_calls" if most is None or len(steps) <= most else "length"


async def play(steps: Iterable[tuple[float, str]], plan: FaultPlan) -> AsyncGenerator[str | None, None]:
    """Yield tokens (GARBLED for a garbled one); raises HangUp, EndEarly or ModelFailed where the plan says so."""
    clock = asyncio.get_running_loop().time
    due = clock() + sum(fault.seconds for fault in plan.of("slow_start"))
    faults: dict[int | None, list[Fault]] = {}
    for fault in plan.faults:
        faults.setdefault(fault.at, []).append(fault)
    for sent, (delay, token) in enumerate([*steps, (0.0, "")]):  # the last: for faults after the last token
        garbled = False
        for fault in faults.get(sent, ()):
            if fault.name == "stall":
                due = max(due, clock()) + fault.seconds
            elif fault.name == "garble":
                garbled = True
            else:
                await asyncio.sleep(max(0.0, due - clock()))
                _raise(fault.name)
        due += delay
        await asyncio.sleep(max(0.0, due - clock()))
        if token:
            yield GARBLED if garbled else token


def _raise(name: str) -> None:
    if name in ("cut", "reset"):
        raise HangUp(reset=name == "reset")
    if name == "truncate":
        raise EndEarly
    if name == "error":
        raise ModelFailed("the scripted model failed, as its fault plan says")
