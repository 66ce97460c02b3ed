// What Chat Completions look like: a checked request, the JSON of an answer, the JSON of an error.
// Rule: as openai_api.py does it, and as OpenAI does: one id and one `created` for each answer, a wrong field is named.

export const MODEL = { id: "scripted", object: "model", created: 0, owned_by: "course" };
const ERROR_TYPES = { 401: "authentication_error", 403: "permission_error", 429: "rate_limit_error" };
const ERROR_CODES = { 401: "invalid_api_key", 429: "rate_limit_exceeded" };

export class HttpError extends Error {
  constructor(status, message, param = null) {
    super(message);
    Object.assign(this, { status, param });
  }
}

function demand(condition, message, param) {
  if (!condition) throw new HttpError(400, message, param);
}

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
const isFlag = (value) => value == null || typeof value === "boolean";

/** A checked request; what OpenAI would refuse is an HttpError. */
export function read(asked = {}) {
  demand(isObject(asked), "The body must be a JSON object.");
  const { model = MODEL.id, n, messages, stream, stream_options: options, tools, tool_choice: choice } = asked;
  demand(model && typeof model === "string", "'model' must be a string.", "model");
  demand(n == null || n === 1, "This model gives one choice: 'n' must be 1.", "n");
  demand(isFlag(stream), "'stream' must be true or false.", "stream");
  demand(options == null || (stream && isObject(options)), "'stream_options' needs 'stream'.", "stream_options");
  demand(isFlag(options?.include_usage), "'include_usage' must be true or false.", "include_usage");
  demand(Array.isArray(messages) && messages.length, "'messages' is a list of at least one message.", "messages");
  const wrong = messages.findIndex((message) => typeof message?.role !== "string");
  demand(wrong < 0, "A message is an object with a 'role' and a 'content'.", `messages[${wrong}]`);
  const limit = asked.max_completion_tokens != null ? "max_completion_tokens" : "max_tokens";
  const most = asked[limit] ?? null;
  demand(most === null || (Number.isInteger(most) && most > 0), `'${limit}' must be a whole number from 1.`, limit);
  const areTools = tools == null || (Array.isArray(tools) && tools.every(isObject));
  demand(areTools, "'tools' must be a list of objects.", "tools");
  const must = ![null, undefined, "auto", "none"].includes(choice);
  const fits = ({ name }) => typeof name === "string" && (choice === "required" || name === choice.function?.name);
  const tool = must ? tools?.map((entry) => entry.function ?? {}).find(fits) : null;
  demand(tool !== undefined, "'tool_choice' asks for a call, but no function of 'tools' fits.", "tool_choice");
  const whole = most && Math.min(most, Number.MAX_SAFE_INTEGER); // more than that would be written as a float
  return { model, messages, most: whole, tool, stream: Boolean(stream), usage: Boolean(options?.include_usage) };
}

/** The JSON texts that an answer consists of. */
export function texts({ model, tool, usage }, { number, created, prompt_tokens, finish_reason }) {
  const id = String(number).padStart(8, "0");
  const total = (sent) => ({ prompt_tokens, completion_tokens: sent, total_tokens: prompt_tokens + sent });
  const call = (text) => ({ id: `call_${id}`, type: "function", function: { name: tool.name, arguments: text } });
  const text = (object, choices, more) =>
    JSON.stringify({ id: `chatcmpl-${id}`, object, created, model, choices, ...more });
  const chunk = (choices, sum = null) => text("chat.completion.chunk", choices, usage && { usage: sum });
  const delta = (delta, finish_reason = null) => chunk([{ index: 0, delta, logprobs: null, finish_reason }]);
  const message = (text, index) =>
    tool
      ? { role: "assistant", content: null, tool_calls: [{ ...index, ...call(text) }] }
      : { role: "assistant", content: text };
  return {
    first: delta(message("", { index: 0 })),
    token: (text) =>
      delta(tool ? { tool_calls: [{ index: 0, function: { arguments: text } }] } : { content: text }),
    last: (sent) => [delta({}, finish_reason), ...(usage ? [chunk([], total(sent))] : []), "[DONE]"],
    whole: (said, sent) => {
      const choice = { index: 0, message: message(said), logprobs: null, finish_reason };
      return text("chat.completion", [choice], { usage: total(sent) });
    },
  };
}

export function errorBody({ status, message, param }) {
  const type = status >= 500 ? "server_error" : (ERROR_TYPES[status] ?? "invalid_request_error");
  return { error: { message, type, param, code: ERROR_CODES[status] ?? null } };
}
