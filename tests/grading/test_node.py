"""JavaScript submissions behind the judge's pipe: a real Node over there, the judge's own proxy here."""

import importlib.util
import math
import random
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import course_lib.grading
from course_lib.grading import loading
from course_lib.grading.channel import Channel, Ended, Log, NotThere
from course_lib.grading.pipe import Pipe
from course_lib.grading.proxy import Submission, arguments_changed, each, outcomes
from course_lib.grading.values import same

ROOT = Path(__file__).parents[2]
SESSION = Path(course_lib.grading.__file__).with_name("session.mjs")
PATIENCE = 30.0  # seconds for an answer that must come


class Loaded(Submission):
    """The proxy, with the process behind it and what loading answered."""

    def __init__(self, path: Path, uses: tuple[str, ...], deadline: float) -> None:
        ours, theirs = socket.socketpair()
        arguments = [path, theirs.fileno(), *uses]
        command = [str(loading.node()), "--no-warnings", "--max-old-space-size=512", str(SESSION), *map(str, arguments)]
        self.process = subprocess.Popen(command, pass_fds=(theirs.fileno(),), stdin=subprocess.DEVNULL)
        theirs.close()
        self.pipe, self.log = Pipe(ours), Log()
        super().__init__(Channel(self.pipe, deadline, self.log))

    def problems(self) -> list[str]:
        """What went wrong in loading: told when a name is missing."""
        self.pipe.send({"op": "call", "on": None, "name": "(none)", "args": [], "kwargs": {}})
        found: list[str] = self.pipe.receive(PATIENCE)["problems"]
        return found

    def stop(self) -> None:
        self.process.kill()
        self.process.wait()
        self.pipe.close()


class Starter:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[Loaded] = []

    def __call__(
        self, source: str, uses: tuple[str, ...] = (), deadline: float = PATIENCE, suffix: str = ".mjs"
    ) -> Loaded:
        path = self.folder / f"submission{len(self.started)}{suffix}"
        path.write_text(source, "utf-8")
        self.started.append(Loaded(path, uses, deadline))
        return self.started[-1]


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Starter]:
    """`node(source)` is the submission proxy of that module, in a Node of its own."""
    starter = Starter(tmp_path_factory.mktemp("node"))
    yield starter
    for loaded in starter.started:
        loaded.stop()


@pytest.fixture(scope="module")
def run(node: Starter) -> Any:
    """Runs the body of a function, whose argument is `a`, in one Node for all tests: what they leave is no matter."""
    return node("export const run = (body, a) => new Function('a', body)(a)").run


# ---- values


def returned(value: Any) -> Any:
    """What comes back of `value`: JavaScript tells an integral float from an int only beyond 2**53."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 and repr(value) != "-0.0":
        return int(value)
    if isinstance(value, list):
        return [returned(item) for item in value]
    if isinstance(value, dict):
        return {returned(key): returned(item) for key, item in value.items()}
    return value


scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary()
keys = st.text() | st.integers() | st.binary()
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(keys, inner, max_size=5),
    max_leaves=20,
)


@given(value=values)
def test_every_plain_value_survives_the_trip_but_integral_floats_become_int(run, value):
    assert same(run("return a", value), returned(value))


@pytest.mark.parametrize(
    ("sent", "back"),
    [
        (1.0, 1),
        (-3.0, -3),
        (-0.0, -0.0),
        (float(2**53), float(2**53)),
        (2**53 - 1, 2**53 - 1),
        (2**53, 2**53),
        (-(2**63), -(2**63)),
        (10**400, 10**400),
        (1e300, 1e300),
        (-math.inf, -math.inf),
        (["NaN, 12345678901234567890", math.nan, '\\"', 12345678901234567890], None),
        ("\ud800a\udfff", "\ud800a\udfff"),
        ("é😀\udc00\x00\u2028", "é😀\udc00\x00\u2028"),
        ({"__proto__": {"x": 1}, "constructor": 2, "toJSON": 3}, None),
        ({1: "int", "1": "text", None: "none", b"\xff": [b""]}, None),
        ({"d": [["h", [0, "object", "T"]]]}, None),
    ],
    ids=lambda value: type(value).__name__,
)
def test_the_odd_values_survive_the_trip(run, sent, back):
    got = run("return a", sent)
    assert same(got, sent if back is None else back)
    if isinstance(back, float):
        assert math.copysign(1, got) == math.copysign(1, back)


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("undefined", None),
        ("[1, , undefined]", [1, None, None]),
        ("7n", 7),
        ("2n ** 70n", 2**70),
        ("2 ** 60", float(2**60)),
        ("0 / 0", math.nan),
        ("new TextEncoder().encode('é')", "é".encode()),
        ("Buffer.from('abc').subarray(1)", b"bc"),
        ("new Uint8Array([1, 2, 3]).buffer", b"\1\2\3"),
        ("new DataView(new Uint8Array([1, 2, 3]).buffer, 1)", b"\2\3"),
        ("new Map([[1, 'a'], ['b', new Map()]])", {1: "a", "b": {}}),
        ("Object.assign(Object.create(null), { k: undefined })", {"k": None}),
        ("({ a: 1, toJSON() { return 'b' } }).a", 1),
        ("'\\ud83d' + '\\ude00'", "😀"),
        ("new Proxy([1], {})", [1]),
    ],
)
def test_values_of_javascript_arrive_as_values_of_python(run, expression, value):
    assert same(run(f"return {expression}"), value)


@pytest.mark.parametrize(
    ("expression", "type_name"),
    [
        ("new (class Yes extends Array {})(1, 2)", "Yes"),
        ("new Map([[{}, 1]])", "Map"),
        ("new Set([1])", "Set"),
        ("new Date(0)", "Date"),
        ("Symbol('s')", "Symbol"),
        ("new Float64Array(1)", "Float64Array"),
        ("Object.create([])", "Array"),
    ],
)
def test_everything_else_stays_there(run, expression, type_name):
    got = run(f"return [{expression}]")
    assert repr(got) == f"[<{type_name} object>]"
    assert got != [1, 2]


def test_arguments_are_ordinary_values_of_javascript(node):
    submission = node(
        "export const kinds = (...all) => all.map((x) => x === null ? 'null' : x.constructor?.name ?? typeof x)\n"
        "export const own = (list, o, bytes, map) => [list instanceof Array, o instanceof Object,\n"
        "  bytes instanceof Uint8Array, map instanceof Map, Object.hasOwn(o, '__proto__'), o.x === undefined]"
    )
    assert submission.kinds(None, True, 1, 1.5, 2**53 - 1, 2**53) == ["null", "Boolean", *["Number"] * 3, "BigInt"]
    assert submission.kinds("x", b"x", [1], {"a": 1}, {1: 1}) == ["String", "Uint8Array", "Array", "Object", "Map"]
    assert submission.kinds(a=1) == ["Object"]
    assert submission.own([], {"__proto__": {"x": 1}}, b"", {1: 1}) == [True] * 6


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("a = []; a.push(a); return a", "contain itself"),
        ("a = { get x() { throw new TypeError('mine') } }; return [a]", "cannot be sent: mine"),
        ("return 'x'.repeat(1e8)", "larger than"),
        ("return '\\u{1f600}'.repeat(2e7)", "larger than"),
        ("return new Uint8Array(1e8)", "larger than"),
        ("return new Array(4e9)", "larger than"),
        ("return Array(1e6).fill(0)", "larger than 1,000,000 values"),
        ("return Array(5e5).fill({ a: 0 })", "larger than 1,000,000 values"),
        ("return new Proxy({}, { get() { throw new Error('trap') } })", "cannot be sent"),
    ],
)
def test_an_answer_that_cannot_be_sent_is_refused_in_words(run, body, why):
    with pytest.raises(Ended, match=why):
        run(body)
    assert run("return 1") == 1


# ---- calls, objects, iterators


def test_functions_classes_constants_and_promises(node):
    submission = node(
        "export class Counter {\n  total = 0\n  add(n) { this.total += n; return this.total }\n"
        "  async later(n) { await null; return this.add(n) }\n  get broken() { throw new RangeError('no') }\n}\n"
        "export default function main() { return 'default' }\n"
        "export const arrow = async (a, { limit = 0 } = {}) => a + limit, number = 3\n"
        "export const adder = (n) => (m) => n + m, twice = (f, counter) => f(f(1)) + counter.total"
    )
    one, other = submission.Counter(), submission.Counter()
    assert [one.add(2), one.later(3), other.add(1), one.total] == [2, 5, 1, 5]
    assert submission.main() == "default"
    assert [submission.arrow(1), submission.arrow(1, limit=2)] == [1, 3]
    add_two = submission.adder(2)
    assert add_two(3) == 5
    assert submission.twice(add_two, one) == 10
    assert each(one.add, [1, 2]) == [6, 8]
    assert [str(outcome) for outcome in outcomes(submission.main, [1]) + outcomes(submission.number, [1])] == [
        "default",
        "number is not a function",
    ]
    with pytest.raises(AttributeError):
        _ = one.missing
    with pytest.raises(ValueError, match="no"):
        _ = one.broken
    with pytest.raises(TypeError, match="not a function"):
        submission.number()


@pytest.mark.parametrize("export", ["module.exports = { f, g: 1 }", "module.exports = f", "exports.f = f"])
def test_commonjs_modules_are_loaded_too(node, export):
    assert node(f"function f() {{ return 1 }}\n{export}", suffix=".cjs").f() == 1


def test_a_missing_name_is_said_with_what_went_wrong_in_loading(node):
    with pytest.raises(NotThere, match=r"name 'f' is not defined.*submission\d+\.mjs: SyntaxError"):
        node("export function f( { return }").f()
    with pytest.raises(NotThere, match="TypeError: early"):
        node("throw new TypeError('early')\nexport function f() {}").f()
    with pytest.raises(NotThere, match="exports nothing"):
        each(node("function f() {}").f, [1])


@pytest.mark.parametrize(
    "source",
    [
        "export function* f() { try { for (let n = 0; ; n++) yield n } finally { seen.push('closed') } }",
        "export async function* f() { try { for (let n = 0; ; n++) yield n } finally { seen.push('closed') } }",
        "export const f = () => { let n = 0; return {\n"
        "  next: () => ({ value: n++, done: seen.includes('closed') }), return: () => (seen.push('closed'), {}) } }",
        "export const f = () => { let n = 0; return new ReadableStream({\n"
        "  pull(to) { to.enqueue(n++) }, cancel() { seen.push('closed') } }) }",
    ],
    ids=["generator", "async generator", "by hand", "ReadableStream"],
)
def test_iterators_are_pulled_one_item_at_a_time_and_closed(node, source):
    submission = node(f"const seen = []\n{source}\nexport const state = () => seen")
    items = submission.f()
    assert [next(items), next(items)] == [0, 1]
    assert submission.state() == []
    items.close()
    assert submission.state() == ["closed"]
    assert list(items) == []


def test_an_iterator_ends_or_raises(node):
    submission = node(
        "export const f = function* () { yield [1]; throw new SyntaxError('cut') }, g = () => [1, 2][Symbol.iterator]()"
    )
    items = submission.f()
    assert next(items) == [1]
    with pytest.raises(ValueError, match="cut"):
        next(items)
    assert list(submission.g()) == [1, 2]
    submission.g().close()  # has no return(): nothing to do


def test_a_changed_argument_is_noticed(node):
    submission = node(
        "export const spoil = (list) => { list.sort(); return spoil }, keep = (...all) => all.length\n"
        "export const fill = (bytes) => bytes.fill(1), deep = (o) => { o.a.b = -0; throw new Error('x') }"
    )
    submission.keep([3, 1], {"a": [math.nan, -0.0]}, b"x", submission.spoil([]))
    assert not arguments_changed(submission)
    submission.spoil([3, 1])
    assert arguments_changed(submission)
    submission.fill(b"\0")
    assert arguments_changed(submission)
    with pytest.raises(Exception, match="x"):
        submission.deep({"a": {"b": 0}})
    assert arguments_changed(submission)


# ---- errors and prints


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        ("throw new Error('no')", Exception, "no"),
        ("null.x", TypeError, "null"),
        ("JSON.parse('{')", ValueError, "JSON"),
        ("new Array(-1)", ValueError, "length"),
        ("decodeURIComponent('%')", ValueError, "malformed"),
        ("new TextDecoder('utf-8', { fatal: true }).decode(new Uint8Array([255]))", UnicodeDecodeError, "not valid"),
        ("return undefinedName", NameError, "undefinedName"),
        ("throw new (class EOFError extends Error {})('early')", EOFError, "early"),
        ("throw new (class ParseError extends SyntaxError {})('bad')", ValueError, "bad"),
        ("throw Object.assign(new Error('500'), { name: 'RuntimeError' })", RuntimeError, "500"),
        ("return AbortSignal.abort().throwIfAborted()", TimeoutError, "aborted"),
        ("return Promise.reject(new RangeError('later'))", ValueError, "later"),
        ("const f = () => f(); return f()", RecursionError, "call stack"),
        ("process.chdir(1)", TypeError, "must be of type string"),
        ("Buffer.alloc(-1)", ValueError, "out of range"),
        ("throw 'text'", Exception, "text"),
        ("throw null", Exception, "null"),
        ("throw { status: 500 }", Exception, "status: 500"),
        ("throw new (class StopIteration extends Error {})('s')", RuntimeError, "s"),
        ("throw new Proxy({}, { getPrototypeOf() { throw 1 } })", Exception, "cannot be shown"),
        ("throw Object.create(new Error('m'), { name: { get() { throw 1 } } })", Exception, "cannot be shown"),
    ],
)
def test_errors_arrive_under_the_names_of_python(run, body, kind, message):
    with pytest.raises(kind, match=message) as caught:
        run(body)
    assert type(caught.value).__mro__[1] is kind
    assert type(caught.value).__name__ not in ("undefined", "Object", "")
    assert not isinstance(caught.value, Ended)


def test_a_refused_connection_is_named_although_fetch_hides_it(run):
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))  # and does not listen
        with pytest.raises(ConnectionRefusedError, match="fetch failed"):
            run("return fetch(`http://127.0.0.1:${a}/`)", closed.getsockname()[1])


def test_the_line_of_an_error_is_told(node):
    submission = node("export function f() {\n\n  return inner() }\nfunction inner() {\n  throw new Error('x') }")
    with pytest.raises(Exception, match="x"):
        submission.f()
    assert submission.log.where == "line 5: throw new Error('x') }"


def test_prints_come_with_the_answer(node):
    submission = node(
        "console.log('loading')\n"
        "export async function f() {\n  console.error('a', { b: 1 })\n"
        "  await new Promise((go) => process.stdout.write('c', go))\n"
        "  process.stderr.write(Buffer.from('é')); console.log('x'.repeat(3000)) }"
    )
    submission.f()
    assert submission.log.printed == ("loading\na { b: 1 }\ncé" + "x" * 2000)[:2000]


def test_a_flood_of_output_is_stopped(node):
    with pytest.raises(Ended, match="printed more than 1,000,000 characters"):
        node("export const f = () => { for (;;) try { console.log('x'.repeat(10000)) } catch {} }").f()


# ---- imports


def test_only_allowed_packages_can_be_imported(node):
    source = "export async function f(a) { return (await import(a)).default.sep ?? 'there' }"
    with pytest.raises(ImportError, match="may use Node's own modules; left-pad is refused"):
        node(source).f("left-pad/lib")
    with pytest.raises(ImportError, match="may use Node's own modules and ws; @scope/name is refused"):
        node(source, uses=("ws",)).f("@scope/name/lib")
    with pytest.raises(Exception, match="Cannot find package 'ws'"):
        node(source, uses=("ws",)).f("ws")
    assert [node(source).f(name) for name in ("path", "node:path", "data:text/javascript,export default 1")] == [
        "/",
        "/",
        "there",
    ]
    assert node(source, uses=("ws",)).f("fs") == "there"
    refused = node("import pad from 'left-pad'\nexport const f = () => pad").problems()
    assert [problem.partition(": ")[2] for problem in refused] == [
        "ImportError: this exercise may use Node's own modules; left-pad is refused"
    ]


# ---- hostile


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("try { process.exit(0) } catch {} return 1", r"called exit\(\)"),
        ("setTimeout(() => process.exit(0)); return new Promise(() => {})", r"called exit\(\)"),
        ("process.reallyExit(0)", "ended during this call"),
        ("process.abort()", "ended during this call"),
        ("process.kill(process.pid, 'SIGKILL'); for (;;) {}", "ended during this call"),
        ("throw new (class SystemExit extends Error {})()", r"called exit\(\)"),
        ("const all = []; for (;;) all.push(new Array(1e6).fill(0.5))", "ended during this call"),
    ],
)
def test_code_that_exits_is_told_from_code_that_answers(node, body, why):
    with pytest.raises(Ended, match=why):
        node(f"export function f() {{ {body} }}").f()


def test_code_that_exits_while_loading_is_reported(node):
    with pytest.raises(NotThere, match=r"SystemExit: process.exit\(3\)"):
        node("process.exit(3)\nexport const f = () => 1").f()


@pytest.mark.parametrize(
    "body", ["for (;;) {}", "return new Promise(() => {})", "return (async () => { for (;;) await 1 })()"]
)
def test_an_endless_call_meets_the_deadline(node, body):
    with pytest.raises(Ended, match="does the code loop"):
        node(f"export function f() {{ {body} }}", deadline=0.3).f()


def test_stray_errors_are_no_answers(node):
    submission = node(
        "export const f = () => { setTimeout(() => { throw new Error('timer') })\n"
        "  Promise.reject(new Error('lost')); return 1 }\n"
        "export const later = () => new Promise((go) => setTimeout(go, 1, 2))"
    )
    assert [submission.f(), submission.later(), submission.later()] == [1, 2, 2]
    assert "uncaught Error: timer" in submission.log.printed
    assert "uncaught Error: lost" in submission.log.printed


@pytest.mark.parametrize(
    "spoil",
    [
        "JSON.stringify = JSON.parse = () => 'spoilt'",
        "Object.prototype.toJSON = Array.prototype.toJSON = String.prototype.toJSON = () => 'spoilt'",
        "Object.prototype.extra = 1; Array.prototype.extra = 2",
        "Object.defineProperty(Object.prototype, 'k', { set() { throw 1 }, get() { return 'spoilt' } })",
        "for (const name of ['map', 'join', 'some', Symbol.iterator]) Array.prototype[name] = () => 'spoilt'",
        "for (const name of ['slice', 'replace', 'indexOf', 'split']) String.prototype[name] = () => 'spoilt'",
        "Promise.prototype.then = () => 'spoilt'; globalThis.Promise = class {}",
        "Object.prototype.then = Array.prototype.then = (go) => go('spoilt')",
        "Map.prototype.get = Map.prototype.has = Map.prototype.entries = () => 'spoilt'",
        "Object.keys = Object.entries = Reflect.apply = Reflect.getPrototypeOf = Array.isArray = () => 'spoilt'",
        "Function.prototype.apply = Function.prototype.bind = Error.captureStackTrace = () => 'spoilt'",
        "globalThis.Object = globalThis.Array = globalThis.Buffer = globalThis.process = undefined",
    ],
    ids=lambda spoil: spoil.partition(" = ")[0][:40],
)
def test_what_the_code_does_to_its_globals_does_not_spoil_the_answers(node, spoil):
    submission = node(f"{spoil}\nexport const f = (a) => ({{ a, more: [1.5] }})")
    assert submission.problems() == []
    value = [{"k": b"\0", "n": 2**60}, {1: None}]
    assert submission.f(value) == {"a": value, "more": [1.5]}


# ---- an exercise


def checks_of(path: str) -> list[Any]:
    spec = importlib.util.spec_from_file_location("checks", ROOT / path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return [check for name, check in vars(module).items() if name.startswith("test_")]


PARSER = """
export function parse_sse_stream(text) {
  const values = []
  let data = []
  const lines = text.replace(/^\\ufeff/, "").split(/\\r\\n|\\r|\\n/)
  lines.pop()  // never ended
  for (const line of lines) {
    if (line === "") {
      const payload = data.join("\\n")
      if (payload === "[DONE]") return values
      if (data.length) values.push(JSON.parse(payload))
      data = []
    } else if (line === "data" || line.startsWith("data:")) {
      data.push(line.slice(5).replace(/^ /, ""))
    }
  }
  return values
}
"""


def test_the_checks_of_an_exercise_judge_javascript_like_python(node):
    submission, rng = node(PARSER), random.Random(0)
    visible = checks_of("exercises/checks/test_parse_sse_stream.py")
    hidden = checks_of("solutions/checks/test_parse_sse_stream.py")
    failed = []
    for check in visible + hidden:
        try:
            check(*[submission, rng][: check.__code__.co_argcount])
        except AssertionError:
            failed.append(check.__name__)
    # `data: 1.0` must give 1.0 there: no number of JavaScript does
    assert failed == ["test_takes_each_payload_for_one_json_text"]
    assert len(visible) == 6


def test_a_wrong_solution_fails(node):
    wrong = node(PARSER.replace('.replace(/^ /, "")', ".trim()").replace("|\\r|", "|"))
    check = next(
        c for c in checks_of("exercises/checks/test_parse_sse_stream.py") if c.__name__ == "test_accepts_every_line_end"
    )
    with pytest.raises(AssertionError):
        check(wrong)
