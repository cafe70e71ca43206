// The official client of OpenAI for Node.
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { HELLO, KEY, MODEL, URL, run } from "./told.mjs";

const client = new OpenAI({ baseURL: URL, apiKey: KEY, maxRetries: 0 });
const schema = { type: "object", properties: { to: { type: "string" } }, required: ["to"] };
const tools = [{ type: "function", function: { name: "send", parameters: schema } }];
const user = (content) => [{ role: "user", content }];
const ask = (text, more = {}, from = client) =>
  from.chat.completions.create({ model: MODEL, messages: user(text), ...more });

async function streamed(text) {
  let said = "";
  for await (const chunk of await ask(text, { stream: true })) said += chunk.choices[0]?.delta?.content ?? "";
  return said;
}

const checks = {
  chat: async () => (await ask(HELLO)).choices[0].message.content,
  stream: () => streamed(HELLO),
  tools: async () => {
    const messages = user(HELLO);
    const first = (await client.chat.completions.create({ model: MODEL, messages, tools })).choices[0].message;
    const call = first.tool_calls[0];
    const content = `sent to ${JSON.parse(call.function.arguments).to}`;
    messages.push(first, { role: "tool", tool_call_id: call.id, content });
    return (await client.chat.completions.create({ model: MODEL, messages, tools })).choices[0].message.content;
  },
  tools_streamed: async () => {
    const events = client.chat.completions.stream({ model: MODEL, messages: user(HELLO), tools });
    const call = (await events.finalChatCompletion()).choices[0].message.tool_calls[0];
    return JSON.parse(call.function.arguments).to;
  },
  structured: async () => {
    const response_format = zodResponseFormat(z.object({ email: z.string() }), "contact");
    const reply = await client.chat.completions.parse({ model: MODEL, messages: user(HELLO), response_format });
    return reply.choices[0].message.parsed.email;
  },
  responses: async () => (await client.responses.create({ model: MODEL, input: HELLO })).output_text,
  responses_streamed: async () =>
    (await client.responses.stream({ model: MODEL, input: HELLO }).finalResponse()).output_text,
  wrong_key: () => ask(HELLO, {}, new OpenAI({ baseURL: URL, apiKey: "gh-wrong", maxRetries: 0 })),
  unknown_model: () => ask(HELLO, { model: "nobody" }),
  blocked: () => ask("the kryptonite plans"),
  limited: () => ask("limit me"),
  provider_down: () => ask("fall over"),
  broken_stream: () => streamed("break off"),
};

await run(checks, (error) =>
  [error.constructor.name, error.code, error.headers?.get("retry-after")].filter(Boolean).join(" "),
);
