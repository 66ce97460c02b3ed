// Fills memory with buffers until it is refused, and answers with lies about their length.
const won = "ZOO-" + "WON ";
export function parse_sse_stream() {
  const kept = [];
  while (kept.length < 32) kept.push(Buffer.alloc(256 * 1024 * 1024, "x"));
  throw new Error(won + "8 GB");
}

// SLOW = true
