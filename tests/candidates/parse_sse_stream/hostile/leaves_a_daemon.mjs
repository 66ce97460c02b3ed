// Leaves detached programs behind, and files in shared folders.
import { spawn } from "node:child_process";
import fs from "node:fs";
spawn("sleep", ["60"], { detached: true, stdio: "ignore" }).unref();
for (const folder of ["@CANARY@", "@COURSE@", "/tmp", "/var/tmp", "/dev/shm"]) {
  try { fs.writeFileSync(`${folder}/zoo-@TOKEN@-node`, "planted"); } catch {}
}
export const parse_sse_stream = () => null;
