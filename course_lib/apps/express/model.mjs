// The scripted model of the course, as server.mjs asks it: a line of JSON goes out on stdout with a question, a line
// comes in on stdin with the tokens, their delays and the faults. On the other side is course_lib.server.express.
// Rule: answers come in the order of the questions. When stdin ends, Python is gone, and `stopping` is aborted.
import { createInterface } from "node:readline";
import { setImmediate, setTimeout as sleep } from "node:timers/promises";

const LONGEST = 2 ** 31 - 1; // milliseconds; a timer that is set to more fires at once
const waiting = [];
const stop = new AbortController();
export const stopping = stop.signal;
export const tell = (message) => process.stdout.write(`${JSON.stringify(message)}\n`);

process.stdout.on("error", () => {}); // Python is gone: stdin tells, too
createInterface({ input: process.stdin })
  .on("line", (line) => waiting.shift()(JSON.parse(line)))
  .on("close", () => stop.abort());

/** { steps, faults, number, created, prompt_tokens, finish_reason }, or { refused: [status, message, param] }. */
export function ask(question) {
  tell({ question });
  return new Promise((resolve) => waiting.push(resolve));
}

/** What the fault plan lets happen: "cut", "reset", "truncate" or "error". */
export class Fault extends Error {}

/** Tokens in their time, null for a garbled one; a late one does not make all others late. Throws Fault, AbortError. */
export async function* play({ steps, faults }, signal) {
  let due = performance.now(); // milliseconds
  const wait = () => {
    const left = Math.min(due - performance.now(), LONGEST);
    return left > 0 ? sleep(left, null, { signal }) : setImmediate();
  };
  for (const { name, value } of faults) if (name === "slow_start") due += value;
  for (const [sent, [delay, token]] of [...steps, [0, ""]].entries()) {
    let garbled = false;
    for (const { name, value } of faults.filter((fault) => fault.at === sent)) {
      if (name === "garble") garbled = true;
      else if (name === "stall") due = Math.max(due, performance.now()) + value;
      else throw (await wait(), new Fault(name));
    }
    due += delay * 1000;
    await wait();
    signal.throwIfAborted();
    if (token) yield garbled ? null : token;
  }
}
