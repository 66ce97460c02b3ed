// Returns proxies and getters that answer everything, another thing each time, without end.
let count = 0;
const liar = new Proxy([], {
  get: (target, name) => (name === "length" ? ++count : name === Symbol.iterator ? function* () { for (;;) yield 1; } : liar),
  has: () => true,
  ownKeys: () => ["0", "length"],
});
export const parse_sse_stream = () => [liar, [liar], { a: liar }][count++ % 3];
