// Ends Node while it is loaded, and at each call.
if (Math.random() < 0.5) process.exit(0);
export function parse_sse_stream() {
  process.exit(0);
}
