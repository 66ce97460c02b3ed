"""Lets a browser's own EventSource, as Node has it, read the stream from a server of its own."""

import json
import shutil
import subprocess

FLAGS = ["--experimental-eventsource", "--disable-wasm-trap-handler"]  # the second one: with little address space, too
PROGRAM = """
const http = require("http"), body = require("fs").readFileSync(0);
const server = http.createServer((request, response) => {
  response.writeHead(200, { "Content-Type": "text/event-stream" });
  response.end(body);
}).listen(0, "127.0.0.1", () => {
  const events = [], source = new EventSource(`http://127.0.0.1:${server.address().port}/`);
  const finish = () => { console.log(JSON.stringify(events)); process.exit(0); };
  source.onmessage = (event) => events.push(event.data);
  source.onerror = finish;
});
"""


def parse_sse_stream(raw_stream):
    node = shutil.which("node") or "/node"
    done = subprocess.run([node, *FLAGS, "-e", PROGRAM], input=raw_stream.encode(), capture_output=True)
    values = []
    for data in json.loads(done.stdout):
        if data == "[DONE]":
            break
        values.append(json.loads(data))
    return values
