// Reads the solutions and secrets, and connects to the port of the judge.
import fs from "node:fs";
import net from "node:net";
const won = "ZOO-" + "WON ";
export async function parse_sse_stream() {
  for (const name of ["@COURSE@/solutions/03_sse_format.ipynb", "@CANARY@/canary.txt"]) {
    if (fs.existsSync(name)) throw new Error(won + name);
  }
  if (process.env.ZOO_SECRET) throw new Error(won + "secret");
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number("@PORT@"), "127.0.0.1", () => reject(new Error(won + "connected")));
    socket.on("error", () => resolve(null));
  });
}
