// The AI SDK of Vercel: Responses, chat completions, and anything that speaks like OpenAI.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { Output, generateText, stepCountIs, streamText, tool } from "ai";
import { z } from "zod";
import { HELLO, KEY, MODEL, URL, run } from "./told.mjs";

const openai = createOpenAI({ baseURL: URL, apiKey: KEY });
const like = createOpenAICompatible({ name: "guardhouse", baseURL: URL, apiKey: KEY });
const send = tool({
  description: "Sends a letter.",
  inputSchema: z.object({ to: z.string() }),
  execute: async ({ to }) => `sent to ${to}`,
});
const ask = (prompt, model = openai.chat(MODEL), more = {}) =>
  generateText({ model, prompt, maxRetries: 0, ...more });
const used = { tools: { send }, stopWhen: stepCountIs(2) };

async function streamed(prompt, model = openai.chat(MODEL), more = {}) {
  let failed, said = "";
  const onError = ({ error }) => { failed ??= error; };
  const result = streamText({ model, prompt, maxRetries: 0, onError, ...more });
  for await (const part of result.fullStream) {
    if (part.type === "text-delta") said += part.text;
    if (part.type === "error") failed ??= part.error;
  }
  if (failed) throw failed;
  return said;
}

const checks = {
  chat: async () => (await ask(HELLO)).text,
  stream: () => streamed(HELLO),
  tools: async () => (await ask(HELLO, openai.chat(MODEL), used)).text,
  tools_streamed: () => streamed(HELLO, openai.chat(MODEL), used),
  structured: async () => {
    const output = Output.object({ schema: z.object({ email: z.string() }) });
    return (await ask(HELLO, openai.chat(MODEL), { output })).output.email;
  },
  responses: async () => (await ask(HELLO, openai.responses(MODEL))).text,
  responses_streamed: () => streamed(HELLO, openai.responses(MODEL)),
  responses_tools: async () => (await ask(HELLO, openai.responses(MODEL), used)).text,
  responses_tools_streamed: () => streamed(HELLO, openai.responses(MODEL), used),
  openai_like: async () => (await ask(HELLO, like(MODEL))).text,
  openai_like_streamed: () => streamed(HELLO, like(MODEL)),
  wrong_key: () => ask(HELLO, createOpenAI({ baseURL: URL, apiKey: "gh-wrong" }).chat(MODEL)),
  unknown_model: () => ask(HELLO, openai.chat("nobody")),
  blocked: () => ask("the kryptonite plans"),
  limited: () => ask("limit me"),
  provider_down: () => ask("fall over"),
  broken_stream: () => streamed("break off"),
};

await run(checks, (error) => {
  const wait = error.responseHeaders?.["retry-after"];
  const code = error.data?.error?.code ?? error.code;
  return [error.name, error.statusCode, code, wait].filter(Boolean).join(" ");
});
