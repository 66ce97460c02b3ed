// Exports a function that answers to every name, is no function when it is looked at, and has odd properties.
const odd = { enumerable: true, configurable: true, value: 1 };
export default new Proxy(() => [1], {
  get: (target, key) => (key === "name" ? "parse_sse_stream" : key === "then" ? undefined : () => [1]),
  ownKeys: () => ["parse_sse_stream", "__proto__", "constructor"],
  getOwnPropertyDescriptor: () => odd,
});
