// Loops for ever with every signal ignored, in the main thread and in workers.
import { Worker } from "node:worker_threads";
process.on("SIGTERM", () => {}).on("SIGINT", () => {}).on("SIGHUP", () => {});
export function parse_sse_stream() {
  for (let n = 0; n < 8; n++) new Worker("for (;;);", { eval: true });
  for (;;);
}

// SLOW = true
