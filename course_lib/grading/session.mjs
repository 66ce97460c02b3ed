// One check's conversation with a JavaScript submission: what session.py is for Python.
//
// `node session.mjs PATH FD PACKAGE...` loads the module at PATH, then answers the questions of session.py on FD.
// Rule: whatever the code does becomes an answer, one for each question, with Python's names for its errors: the judge
// need not know which language it judges.
// Values: undefined and null are None; bytes come as Uint8Array; a dict is an object, or a Map when a key is no string.
// JavaScript has one type of number: an integral one up to 2**53 - 1 arrives as int (1.0 as 1, so a check must expect
// 1), any other as float, a BigInt always as int. Keyword arguments are one object, the last argument.
// Left out: security and time limits (the sandbox, the judge), and thenables: only real promises are awaited.

import vm from "node:vm";

// Runs from its source text in a realm of its own: there Array, JSON, Promise and the rest stay whole, whatever the
// submission does to its own, which are `theirs`.
function session(process, theirs, importModule) {
  const { Array, BigInt, JSON, Map, Number, Object, Promise, Reflect, String, Symbol } = globalThis; // faster so
  const needed = ["fs", "module", "net", "path", "url", "util", "buffer"];
  const [fs, module, net, path, url, util, { Buffer }] = needed.map((name) => process.getBuiltinModule(name));
  const { isPromise, isMap, isUint8Array, isAnyArrayBuffer, isDataView } = util.types;
  const [then, endProcess] = [Promise.prototype.then, process.reallyExit.bind(process, 0)];
  const [MAX_DEPTH, MAX_MESSAGE, MAX_PRINTED] = [100, 64 * 1024 * 1024, 1_000_000]; // levels; bytes; characters a check
  const TOO_LARGE = `larger than ${MAX_MESSAGE.toLocaleString("en")} bytes`;
  const PYTHON = { __proto__: null, Error: "Exception", RangeError: "ValueError", SyntaxError: "ValueError" };
  Object.assign(PYTHON, { URIError: "ValueError", ReferenceError: "NameError", AbortError: "TimeoutError" });
  Object.assign(PYTHON, { ECONNREFUSED: "ConnectionRefusedError", ECONNRESET: "ConnectionResetError" });
  Object.assign(PYTHON, { ERR_ENCODING_INVALID_ENCODED_DATA: "UnicodeDecodeError", OutputLimit: "BaseException" });

  const source = { lines: [], places: [] }; // `places`: how a stack names it
  const names = new Map(); // what the submission exports
  const problems = [];
  const kept = []; // what stays here, by the number of its handle
  const numbers = new Map(); // ... and the other way round
  let [loading, printed, printedInAll] = [true, "", 0];

  // ---- values, as in values.py
  const has = (value, method) => typeof value === "object" && typeof value[method] === "function";
  const iterates = (value) => has(value, "next") || has(value, Symbol.asyncIterator);
  const isClass = (value) => typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
  /** The JSON text of a value that holds no others, else null. */
  function scalar(value) {
    if (value === undefined || value === null || typeof value === "boolean") return `${value ?? null}`;
    if (typeof value === "string") return JSON.stringify(value); // lone surrogates escaped: none stands beside another
    if (typeof value === "bigint") return `{"i":"${value.toString(16)}"}`;
    if (Number.isSafeInteger(value)) return Object.is(value, -0) ? "-0.0" : `${value}`;
    if (typeof value === "number") return /^-?\d+$/.test(value) ? `${value}.0` : `${value}`; // NaN as Python writes it
    if (Array.isArray(value) || !(isUint8Array(value) || isAnyArrayBuffer(value) || isDataView(value))) return null;
    return `{"b":"${Buffer.from(value.buffer ?? value, value.byteOffset, value.byteLength).toString("base64")}"}`;
  }
  /** JSON text of any value. Not JSON.stringify: it would ask toJSON, lose NaN and -0, and know no limits. */
  function encode(value, budget = { left: MAX_MESSAGE, values: 2_000_000 }, depth = 0) {
    const text = typeof value === "string" && value.length > budget.left ? value : scalar(value);
    if ((budget.left -= (text?.length ?? 0) + 2) < 0) throw new Error(`it is ${TOO_LARGE}`);
    if ((budget.values -= text === null ? 5 : 2) < 0) throw new Error("it is larger than 1,000,000 values"); // see pipe.py
    if (text !== null) return text;
    if (depth >= MAX_DEPTH) throw new Error(`it is nested deeper than ${MAX_DEPTH} levels (does it contain itself?)`);
    const inner = (item) => encode(item, budget, depth + 1);
    const prototype = typeof value === "object" ? Reflect.getPrototypeOf(value) : undefined;
    if (Array.isArray(value) && [theirs.Array.prototype, Array.prototype].includes(prototype)) {
      const items = [];
      for (let i = 0; i < value.length; i++) items.push(inner(value[i]));
      return `[${items.join()}]`;
    }
    const isObject = [theirs.Object.prototype, Object.prototype, null].includes(prototype) && !iterates(value);
    let pairs = isObject ? Object.entries(value) : null;
    if (prototype === theirs.Map.prototype && isMap(value)) pairs = [...Map.prototype.entries.call(value)];
    if (!pairs?.every(([key]) => scalar(key) !== null)) return `{"h":${JSON.stringify(keep(value))}}`;
    return `{"d":[${pairs.map(([key, item]) => `[${inner(key)},${inner(item)}]`).join()}]}`;
  }
  /** The handle of something that stays here: number, kind, type. The same thing has the same number. */
  function keep(value) {
    if (!numbers.has(value)) numbers.set(value, kept.push(value) - 1);
    const kind = iterates(value) ? "iterator" : typeof value === "function" && !isClass(value) ? "callable" : "object";
    const type = value.constructor?.name || Object.prototype.toString.call(value).slice(8, -1);
    return [numbers.get(value), kind, `${type}`.slice(0, 100)];
  }
  function decode(raw) {
    if (raw === null || typeof raw !== "object") return raw;
    if (Array.isArray(raw)) return Object.setPrototypeOf(raw.map(decode), theirs.Array.prototype);
    const [[tag, body]] = Object.entries(raw);
    if (tag === "n") return /\d/.test(body) ? BigInt(body) : Number(body);
    if (tag === "i") return body.startsWith("-") ? -BigInt(body.slice(1)) : BigInt(body);
    if (tag === "h") return kept[body[0]];
    if (tag === "b") return Reflect.construct(theirs.Uint8Array, [Buffer.from(body, "base64")]);
    if (tag === "u") {
      const bits = (n, byte, i, { length }) => (i ? (n << 6) | (byte & 63) : byte & (255 >> (length + 1)));
      const decoded = (bytes) => String.fromCodePoint([...Buffer.from(bytes, "latin1")].reduce(bits, 0));
      const bytes = Buffer.from(body, "base64").toString("latin1"); // UTF-8 by hand: surrogates are in it
      return bytes.replace(/[\xc0-\xf7][\x80-\xbf]+/g, decoded);
    }
    const pairs = body.map(([key, item]) => [decode(key), decode(item)]);
    if (pairs.some(([key]) => typeof key !== "string")) return Reflect.construct(theirs.Map, [pairs]);
    return Object.setPrototypeOf(Object.fromEntries(pairs), theirs.Object.prototype); // meets no setter, not __proto__
  }
  /** JSON.parse, with what Python writes and JSON.parse refuses or rounds: NaN, Infinity, large integers. */
  function parse(text) {
    if (!/NaN|Infinity|\d{16}/.test(text)) return JSON.parse(text);
    let quoted = false;
    const tagged = (token) => {
      if (token === '"') quoted = !quoted;
      if (quoted || /^["\\]|[.eE]/.test(token) || Number.isSafeInteger(Number(token))) return token;
      return `{"n":"${token}"}`;
    };
    return JSON.parse(text.replace(/"|\\.|NaN|-?Infinity|-?\d[\d.eE+-]{15,}/g, tagged));
  }

  // ---- errors and prints
  const raised = (name, message) => Object.assign(new Error(message), { name });
  /** What was thrown, as cells.describe has it. Bases: code, name and classes, with Python's names where it has one. */
  function describe(error) {
    const said = { type: "Exception", bases: ["Exception"], message: "(it cannot be shown)", where: "" };
    try {
      if (error === null || typeof error !== "object") return { ...said, message: String(error).slice(0, 2000) };
      const classes = [];
      for (let at = Reflect.getPrototypeOf(error); at && classes.length < 20; at = Reflect.getPrototypeOf(at))
        classes.push(Reflect.getOwnPropertyDescriptor(at, "constructor")?.value?.name);
      if (!classes.includes(error.name)) classes.unshift(error.name);
      const message = typeof error.message === "string" ? error.message : util.inspect(error);
      if (message === "Maximum call stack size exceeded") classes.unshift("RecursionError"); // no ValueError
      const { code } = (message === "fetch failed" && error.cause) || error;
      const named = [...classes, "Exception"].filter((name) => name && typeof name === "string" && name !== "Object");
      const bases = [`${code}`, ...named].map((name) => PYTHON[name] ?? name);
      Object.assign(said, { type: named[0].slice(0, 100), bases, message: message.slice(0, 2000) });
      const place = source.places.find((one) => error.stack.includes(one));
      const line = place && parseInt(error.stack.slice(error.stack.indexOf(place) + place.length));
      if (line) said.where = `line ${line}: ${`${source.lines[line - 1]}`.trim()}`.slice(0, 300);
    } catch {} // a hostile error: what could be said of it
    return said;
  }
  /** Stands in for the write of stdout and stderr. */
  function print(chunk, encoding, callback) {
    const text = typeof chunk === "string" ? chunk : Buffer.from(chunk).toString();
    printedInAll += text.length;
    printed += text.slice(0, 2000 - printed.length);
    if (printedInAll > MAX_PRINTED) leave("OutputLimit", "printed more than 1,000,000 characters");
    process.nextTick([encoding, callback].find((one) => typeof one === "function") ?? (() => {}));
    return true;
  }
  /** Gives an error for the answer, and ends the process: console.log or a try block would swallow an exception. */
  function leave(name, message) {
    if (loading) throw raised(name, message); // one more problem of loading; the questions after it have their answers
    fs.writeSync(Number(fd), frame({ raise: describe(raised(name, message)) }));
    endProcess();
  }

  // ---- the questions
  const attempt = (work) => new Promise((resolve) => resolve(work())).catch((error) => ({ raise: describe(error) }));
  const iterator = (on) => (has(kept[on], "next") ? kept[on] : (kept[on] = kept[on][Symbol.asyncIterator]()));
  /** The value of a promise, in a box: our own promises must not ask the value for a `then`. */
  const settled = async (value) =>
    isPromise(value) ? new Promise((done, fail) => then.call(value, (got) => done({ value: got }), fail)) : { value };
  function give(value) {
    try {
      return { ok: encode(value) };
    } catch (error) {
      return { fault: `the answer cannot be sent: ${describe(error).message}` };
    }
  }
  function call(on, name, args) {
    const target = on === null ? names.get(name) : name === null ? kept[on] : kept[on][name];
    if (typeof target !== "function") throw new TypeError(`${name ?? "the object"} is not a function`);
    return settled(isClass(target) ? Reflect.construct(target, args) : Reflect.apply(target, kept[on], args));
  }
  async function load(file, uses) {
    const [label, { href }] = [path.basename(file), url.pathToFileURL(file)];
    module.registerHooks?.({ resolve: refusing(uses) }); // Node before 22.15 has no hooks, and finds no package
    try {
      Object.assign(source, { places: [`${href}:`, `${file}:`], lines: fs.readFileSync(file, "utf8").split("\n") });
      const { value: exported } = await settled(importModule(href));
      const { default: main, ...rest } = exported; // main: with CommonJS it is module.exports
      if (typeof main === "function") names.set(main.name, main);
      for (const [name, value] of Object.entries({ ...main, ...rest })) names.set(name, value);
      if (!names.size) problems.push(`${label}: it exports nothing`);
    } catch (error) {
      problems.push(`${label}: ${describe(error).type}: ${describe(error).message}`);
    }
    loading = false;
  }
  const questions = {
    async call({ on, name, args, kwargs }) {
      const given = args.map(decode);
      if (Object.keys(kwargs).length) given.push(decode({ d: Object.entries(kwargs) }));
      const look = (arg) => (typeof arg === "object" ? give(arg).ok : null);
      const before = given.map(look);
      const reply = await attempt(async () => give((await call(on, name, given)).value));
      return { ...reply, changed: given.some((arg, i) => look(arg) !== before[i]) };
    },
    async each({ on, name, items, stop }) {
      const one = async (item) => ({ ok: (await call(on, name, [decode(item)])).value });
      const results = [];
      for (const item of items) results.push(stop ? (await one(item)).ok : await attempt(() => one(item)));
      return give(results);
    },
    attribute({ on, name }) {
      if (!(name in kept[on])) throw raised("AttributeError", `the object has no property ${name}`);
      return typeof kept[on][name] === "function" ? { method: true } : give(kept[on][name]);
    },
    async next({ on }) {
      const { value: step } = await settled(iterator(on).next());
      return step.done ? { stop: true } : give(step.value);
    },
    async close({ on }) {
      if (has(iterator(on), "return")) await settled(kept[on].return());
      return { ok: "null" };
    },
    shorten_httpx_timeouts: () => ({ ok: "null" }), // fetch waits for minutes: nothing to shorten
  };
  /** As refuse.py: only the submission's own imports are refused, an allowed package may import what it needs. */
  const refusing = (uses) => (specifier, context, next) => {
    const [name] = /^(@[^/]*\/)?[^/]*/.exec(specifier);
    const known = /^(\.|\/|#|[a-z]+:)/i.test(specifier) || module.isBuiltin(specifier) || uses.includes(name);
    if (known || `${context.parentURL}`.includes("/node_modules/")) return next(specifier, context);
    const allowed = ["Node's own modules", ...uses.sort()].join(" and ");
    throw raised("ImportError", `this exercise may use ${allowed}; ${name} is refused`);
  };

  // ---- the pipe
  function frame({ ok, ...reply }) {
    const rest = JSON.stringify({ ...reply, printed });
    const bytes = Buffer.from(ok === undefined ? `size${rest}` : `size{"ok":${ok},${rest.slice(1)}`);
    if (bytes.length - 4 > MAX_MESSAGE) return frame({ fault: `the answer is ${TOO_LARGE}` });
    bytes.writeUInt32BE(bytes.length - 4); // where "size" stands
    printed = "";
    return bytes;
  }
  async function answer({ op, ...question }) {
    await loaded;
    const missing = question.on === null && !names.has(question.name);
    socket.write(frame(missing ? { missing: question.name, problems } : await attempt(() => questions[op](question))));
  }

  process.stdout.write = process.stderr.write = print;
  process.exit = (code) => leave("SystemExit", `process.exit(${code ?? ""})`);
  // Of timers and forgotten promises: no answer to a question, only what Node would have printed
  const stray = (error) => print(`uncaught ${describe(error).type}: ${describe(error).message}\n`);
  process.on("uncaughtException", stray).on("unhandledRejection", stray);
  const [file, fd, ...uses] = process.argv.slice(2);
  const loaded = load(file, uses);
  const socket = new net.Socket({ fd: Number(fd), readable: true, writable: true });
  for (const event of ["end", "error", "close"]) socket.on(event, endProcess);
  let size = null;
  socket.on("readable", () => {
    for (let piece; (piece = socket.read(size ?? 4)); ) {
      if (size) answer(parse(piece.toString()));
      size = size ? null : piece.readUInt32BE();
    }
  });
}

vm.runInNewContext(`(${session})`)(process, { Object, Array, Map, Uint8Array }, (href) => import(href));
