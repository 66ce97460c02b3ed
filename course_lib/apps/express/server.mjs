// The Chat Completions of openai_api once more, in Express 5 under Node: a streaming endpoint to copy from.
//
//   from course_lib.server.express import serve_express
//   with serve_express(faults="cut@5") as server: ...   # openai.OpenAI(base_url=f"{server.url}/v1", api_key="none")
//
// Rule: an event is on its way before the next token is asked for; a reader who is slow slows the model down (drain),
// a reader who leaves stops it (close). A wrong request has a status, a failure after the first event has none.
// Left out: /v1/responses, HTTP/2, and keys.
import { once } from "node:events";
import express from "express";
import { ask, Fault, play, stopping, tell } from "./model.mjs"; // in production: fetch
import { errorBody, HttpError, MODEL, read, texts } from "./openai.mjs";

const settings = JSON.parse(process.argv.at(-1)); // port, hosts, ping in seconds or null, maxBody in bytes
const GARBAGE = '{"id": "chatcmpl-", "object": "chat.completion.chunk", "choices": [{"del';
const EVENT_STREAM = {
  "content-type": "text/event-stream", // res.type() would add a charset, which some clients refuse
  "cache-control": "no-store, no-transform",
  "x-accel-buffering": "no", // or nginx keeps tokens back until it has some kilobytes of them
};

const FAILED = new HttpError(500, "the scripted model failed, as its fault plan says");
const STOPPING = new HttpError(503, "The server is shutting down.");
const counts = { connections: 0, streams: 0, generations: 0 };

function count(name, by) {
  counts[name] += by;
  tell({ counts });
}

async function stream(res, script, json, signal) {
  const write = (text) => {
    heartbeat?.refresh();
    if (!res.headersSent) res.writeHead(200, EVENT_STREAM);
    return res.write(text);
  };
  const send = async (data) => write(`data: ${data}\n\n`) || once(res, "drain", { signal });
  const ping = () => res.writableNeedDrain || write(": ping\n\n");
  const heartbeat = settings.ping === null ? null : setInterval(ping, settings.ping * 1000);
  let sent = 0;
  count("streams", +1);
  try {
    for await (const token of play(script, signal)) {
      if (sent++ === 0) await send(json.first);
      await send(token === null ? GARBAGE : json.token(token));
    }
    if (sent === 0) await send(json.first);
    for (const event of json.last(sent)) await send(event);
    res.end();
  } catch (error) {
    const failed = error instanceof Fault && error.message === "error";
    const failure = stopping.aborted ? STOPPING : failed ? FAILED : null;
    if (failure && !res.headersSent) throw failure; // there is still time for a status
    if (failure) res.end(`data: ${JSON.stringify(errorBody(failure))}\n\n`);
    else if (error instanceof Fault) await end(res, error.message);
    else throw error;
  } finally {
    clearInterval(heartbeat);
    count("streams", -1);
  }
}

/** The answer in one piece; a fault in the middle of it gives half of it. */
async function whole(res, script, json, signal) {
  let [said, sent, fault] = ["", 0, null];
  try {
    for await (const token of play(script, signal)) {
      if (token === null) fault = "garble";
      said += token ?? "";
      sent += 1;
    }
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    if (error.message === "error") throw FAILED;
    fault = error.message;
  }
  const body = json.whole(said, sent);
  if (fault === null) return res.type("json").send(body);
  res.writeHead(200, { "content-type": "application/json" }).write(body.slice(0, body.length / 2));
  await end(res, fault);
}

/** A proper end, or a connection closed (FIN) or reset (RST) without one. */
async function end(res, fault) {
  if (!res.headersSent) res.writeHead(200, EVENT_STREAM).flushHeaders();
  if (fault !== "cut" && fault !== "reset") return res.end();
  await new Promise((flushed) => res.socket.write("", flushed)); // a reset destroys what was not sent yet
  return fault === "cut" ? res.socket.destroySoon() : res.socket.resetAndDestroy();
}

const app = express().disable("x-powered-by");

app.use(({ headers: { host = "" }, httpVersion }, res, next) => {
  const name = host.toLowerCase().replace(/:\d*$/, "").replace(/^\[(.*)\]$/, "$1");
  if (!host && httpVersion === "1.0") return next(); // it knows no Host, and browsers do not speak it
  if (settings.hosts.includes(name)) return next(); // else a web page has made its own name point to us: DNS rebinding
  const names = settings.hosts.join(", ");
  res.status(421).type("text").send(`This server answers to the names ${names}; Host was ${host || "missing"}.\n`);
});
app.get("/-/stats", (req, res) => res.json(counts));
app.get("/v1/models", (req, res) => res.json({ object: "list", data: [MODEL] }));
app.get("/v1/models/:id", (req, res) => {
  if (req.params.id !== MODEL.id) throw new HttpError(404, `The model '${req.params.id}' does not exist.`, "model");
  res.json(MODEL);
});
app.post("/v1/chat/completions", express.json({ type: () => true, limit: settings.maxBody }), async (req, res) => {
  const asked = read(req.body);
  const script = await ask(asked);
  if (script.refused) throw new HttpError(...script.refused);
  const leaving = new AbortController();
  res.on("close", () => leaving.abort());
  count("generations", +1);
  try {
    const signal = AbortSignal.any([leaving.signal, stopping]);
    await (asked.stream ? stream : whole)(res, script, texts(asked, script), signal);
  } finally {
    count("generations", -1);
  }
});
const only = (methods) => (req, res) => {
  res.set("allow", methods);
  throw new HttpError(405, `Method Not Allowed (${req.method} ${req.path})`);
};
app.all("/v1/chat/completions", only("POST"));
app.all(["/v1/models", "/v1/models/:id"], only("GET, HEAD"));
app.use((req) => {
  throw new HttpError(404, `Not Found (${req.method} ${req.path})`);
});
app.use((error, req, res, _next) => {
  if (res.headersSent || res.destroyed) return res.destroy(); // too late for a status, or nobody is there
  if (stopping.aborted) error = STOPPING;
  else if (!(error.status < 500 || error instanceof HttpError)) {
    console.error(error); // for us; clients are told nothing of our insides
    error = new HttpError(500, "Internal Server Error");
  }
  const { status, message, param = null } = error;
  if (status === 429 || status === 503) res.set("retry-after", "1");
  res.status(status).json(errorBody({ status, message, param }));
});

const server = app.listen(settings.port, "127.0.0.1", (error) =>
  tell(error ? { failed: error.code } : { port: server.address().port }),
);
server.on("connection", (socket) => {
  count("connections", +1);
  socket.on("close", () => count("connections", -1));
});
stopping.addEventListener("abort", () => {
  server.close(() => process.exit());
  setTimeout(() => process.exit(), 300); // milliseconds for the goodbyes of open streams
});
