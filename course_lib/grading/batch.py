"""Grading many submissions: a pure function of (submission, exercise, seed), run here, in a pool, or on a cluster.

Rule: whatever a submission does, it gets an entry and the others theirs. An entry says nothing that depends on
order, number of workers or machine. Left out: reading files (submissions), worker processes (pool), reports
(formats), records (gradebook).
"""

import functools
import os
import sys
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from course_lib.errors import MisuseError, PipeError
from course_lib.grading import loading, pool, sandbox
from course_lib.grading.exercises import Course, Exercise
from course_lib.grading.formats import Entry
from course_lib.grading.hosts import BUBBLEWRAP
from course_lib.grading.interrupts import interrupts_later
from course_lib.grading.judge import judge
from course_lib.grading.report import ExerciseResult, as_entry, collect, not_run, steady
from course_lib.grading.staging import stage
from course_lib.grading.submissions import Submission, read_submissions

Graded = Generator[tuple[Submission, Entry]]
LOOK, WAIT = 0.05, 5.0  # seconds between two looks at a cluster, and for an answer of its scheduler


@dataclass(frozen=True)
class Options:
    """What a batch is graded with; the same for all of its submissions."""

    root: str  # the course's folder
    hidden: bool = False
    seed: int = 0
    isolation: str = ""  # "" takes the best there is
    notebook: bool = False  # run notebooks top to bottom instead (rerun)


def grade_exercise(submission: Submission, exercise: Exercise, options: Options) -> tuple[ExerciseResult, list[str]]:
    """One exercise of one submission, and which of its cells failed. The code is gone when this returns."""
    with loading.load(submission, exercise, options.isolation or None) as host:
        if host.failed:
            result = not_run(exercise, options.hidden, host.failed)
        else:
            result = judge().verdict(exercise, host, options.hidden, options.seed)
        result, problems = replace(result, unchanged=exercise.id in host.unchanged), host.problems
    if problems:
        expected = beyond_the_sandbox(course_at(options.root), (exercise.id,))
        demos = tuple(f"{label}: " for label, source in submission.cells if source in expected)
        problems = [problem for problem in problems if not problem.startswith(demos)]
    return result, problems


def grade_submission(submission: Submission, options: Options) -> Entry:
    """The entry of a submission: its marks, or why there are none. Never raises for what a submission does."""
    if options.notebook:
        from course_lib.grading.rerun import rerun_submission

        return rerun_submission(submission, options)
    problems: dict[str, None] = {}
    results = []
    for id in submission.exercises:
        exercise = course_at(options.root).exercise(id)
        found: list[str] = []
        if submission.error:
            result = not_run(exercise, options.hidden, submission.error)
        else:
            try:
                result, found = grade_exercise(submission, exercise, options)
            except PipeError as error:
                result = no_verdict(exercise, options.hidden, error)
        results.append(result)
        problems |= dict.fromkeys(found)
    return entry_of(submission, options, results, problems, submission.error)


def entry_of(
    submission: Submission, options: Options, results: list[ExerciseResult], problems: Iterable[str], error: str
) -> Entry:
    """What reports are made of; `error` says why nothing could be graded."""
    return {
        "submission": submission.name,
        "student": submission.student,
        "isolation": "" if error else options.isolation or loading.isolation(),
        "seed": options.seed,
        "error": error,
        "problems": [steady(text) for text in problems],
        "exercises": [as_entry(result) for result in results],
    }


@functools.cache
def beyond_the_sandbox(course: Course, ids: tuple[str, ...]) -> frozenset[str]:
    """The cells that also fail in the course's own solution: demos of servers and views, which are not there."""
    notebook = course.exercise(ids[0]).solution_notebook
    if not notebook.exists():
        return frozenset()
    solution = read_submissions([notebook], course)[0]
    with loading.prepare(solution, [course.exercise(id) for id in ids]) as host:
        return frozenset(cell[1] for cell in solution.cells if loading.run(host, (cell,)))


def no_verdict(exercise: Exercise, hidden: bool, error: PipeError) -> ExerciseResult:
    """The judge has failed. It may be stuck: the next submission gets a new one."""
    judge().stop()
    return collect(exercise, {}, hidden, f"the judge gave no verdict: {error}")


@functools.cache
def course_at(root: str) -> Course:
    """Read once for each worker: a batch is graded with the checks that were there when it began."""
    return Course(Path(root))


def required_isolation(required: bool) -> str:
    """What will be in force. MisuseError when isolation is required and there is none, or the code would be root."""
    found = loading.isolation()
    if found != BUBBLEWRAP:
        if required:
            raise MisuseError(f"--require-isolation: {sandbox.unavailable()}")
        if os.geteuid() == 0 and not sandbox.unused_user(0, [sys.executable, sys.base_prefix]):
            raise MisuseError(
                "without a sandbox, submissions would run as root and could end this machine: no other user may read "
                f"Python here ({sys.base_prefix}). Install bubblewrap, or grade as an ordinary user"
            )
    return found


def grade_all(submissions: Sequence[Submission], options: Options, jobs: int = 0, scheduler: str = "") -> Graded:
    """Each submission with its entry, as they are finished. `jobs`: processes, 0 for one more than cores.

    `scheduler`: address of a Dask scheduler whose workers have the course installed and see its folder.
    """
    if scheduler:
        return _on_cluster(submissions, options, scheduler)
    # One more than cores: a grading waits on its pipe for a part of its time
    jobs = min(jobs or (os.cpu_count() or 1) + 1, len(submissions))
    if jobs <= 1:
        return ((submission, grade_submission(submission, options)) for submission in submissions)
    return _in_pool(submissions, options, jobs)


def _in_pool(submissions: Sequence[Submission], options: Options, jobs: int) -> Graded:
    with closing(pool.spread(grade_submission, [(s, options) for s in submissions], jobs, stage())) as results:
        for number, entry in results:
            submission = submissions[number]
            yield submission, entry or _given_up(submission, options)


def _given_up(submission: Submission, options: Options) -> Entry:
    return grade_submission(replace(submission, error="every worker that graded it died", cells=()), options)


def _on_cluster(submissions: Sequence[Submission], options: Options, scheduler: str) -> Graded:
    """Dask: work of a worker that dies is done again by another. Its client has a thread, hence no interrupt inside."""
    try:
        import distributed
    except ImportError:
        raise MisuseError("--scheduler needs Dask: pip install 'streaming-course[cluster]'") from None
    dask: Any = distributed  # carries no types
    try:
        with interrupts_later():
            client = dask.Client(scheduler, timeout="10s")
    except (OSError, ValueError) as error:  # ValueError: no address
        raise MisuseError(f"no Dask scheduler answers at {scheduler}: {error}") from error
    try:
        with interrupts_later():
            futures = {
                client.submit(grade_submission, submission, options, pure=False, retries=pool.MAX_DEATHS): submission
                for submission in submissions
            }
            running = dask.as_completed(futures)
        while futures:
            with interrupts_later():
                finished = running.next_batch(block=False)
            for future in finished:
                try:
                    with interrupts_later():
                        entry = future.result(timeout=WAIT)
                except dask.scheduler.KilledWorker:
                    entry = _given_up(futures[future], options)
                except Exception as error:
                    if future.status not in ("error", "cancelled"):  # its worker has died since: it is done again
                        running.add(future)
                        continue
                    why = f"{type(error).__name__}: {error}"
                    raise MisuseError(f"the cluster at {scheduler} cannot grade, is the course there? {why}") from error
                yield futures.pop(future), entry
            time.sleep(LOOK)
    finally:
        with interrupts_later(), suppress(TimeoutError):
            client.close(timeout=WAIT)


def grade_file(
    path: Path, exercise: Exercise, hidden: bool = True, seed: int = 0, isolation: str = ""
) -> ExerciseResult:
    """Grades one exercise of one file (notebook or module)."""
    submission = read_submissions([path], Course(exercise.root), exercise)[0]
    options = Options(str(exercise.root), hidden, seed, isolation)
    if submission.error:
        return not_run(exercise, hidden, submission.error)
    return grade_exercise(submission, exercise, options)[0]
