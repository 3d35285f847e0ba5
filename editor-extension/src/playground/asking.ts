// Asking a model over the sidecar's HTTP, which is OpenAI's API. Knows nothing of VS Code.
import type { Message, Parameters, Timing } from "./messages";
import { EventStream } from "./sse";

const GONE = "The model's process ended in the middle of its answer. Ask again to start a new one.";

/** What a chat's request holds beside its messages and how the answer is sent. */
export function bodyOf(model: string, parameters: Parameters): Record<string, unknown> {
  const { temperature, maxTokens, topP, seed, stop, schema } = parameters;
  return {
    model,
    ...(temperature !== null && { temperature }),
    ...(maxTokens !== null && { max_tokens: maxTokens }),
    ...(topP !== null && { top_p: topP }),
    ...(seed !== null && { seed }),
    ...(stop.length > 0 && { stop }),
    ...(schema !== null && { response_format: { type: "json_schema", json_schema: { name: "answer", schema } } }),
  };
}

/** A prompt that is rendered already, and what ends its answer. */
export interface Prompt {
  readonly prompt: string;
  readonly stop: readonly string[];
}

/** The path under the API's base URL, and the body, of a question. */
export function requestOf(
  asked: readonly Message[] | Prompt,
  model: string,
  parameters: Parameters,
): [path: string, body: Record<string, unknown>] {
  if (!("prompt" in asked)) {
    const messages = asked.map(({ role, content }) => ({ role, content }));
    return ["chat/completions", { ...bodyOf(model, parameters), messages }];
  }
  const stop = [...asked.stop, ...parameters.stop];
  const body = { ...bodyOf(model, { ...parameters, stop }), prompt: asked.prompt, add_special_tokens: false };
  return ["completions", body];
}

interface Chunk {
  readonly error?: { readonly message: string };
  readonly choices?: readonly {
    readonly delta?: { readonly content?: string };
    readonly text?: string;
    readonly finish_reason?: "stop" | "length" | null;
  }[];
  readonly usage?: { readonly completion_tokens: number } | null;
  readonly timings?: { readonly tokens_per_second: number };
}

/**
 * Ask, and hear the answer piece by piece. Rejects with a sentence for a person; a signal that stops it is no error.
 */
export async function ask(
  url: string,
  key: string,
  body: object,
  signal: AbortSignal,
  heard: (piece: string) => void,
): Promise<Timing> {
  const begun = performance.now();
  let firstSeconds: number | null = null;
  let tokensPerSecond: number | null = null;
  let tokens: number | null = null;
  let ended: Timing["ended"] | null = null;
  try {
    for await (const chunk of chunks(url, key, body, signal)) {
      const choice = chunk.choices?.[0];
      const text = choice?.delta?.content ?? choice?.text ?? "";
      if (text !== "") {
        firstSeconds ??= (performance.now() - begun) / 1_000;
        heard(text);
      }
      ended = choice?.finish_reason ?? ended;
      tokensPerSecond = chunk.timings?.tokens_per_second ?? tokensPerSecond;
      tokens = chunk.usage?.completion_tokens ?? tokens;
    }
  } catch (error) {
    if (!signal.aborted) {
      throw error;
    }
    ended = "stopped";
  }
  if (ended === null) {
    throw new Error(GONE);
  }
  return { firstSeconds, tokensPerSecond, tokens, ended };
}

async function* chunks(url: string, key: string, body: object, signal: AbortSignal): AsyncGenerator<Chunk> {
  const response = await reached(url, key, { ...body, stream: true, stream_options: { include_usage: true } }, signal);
  if (!response.ok) {
    const { error } = (await response.json()) as Chunk;
    throw new Error(error?.message ?? `The model's process answered with the status ${response.status}.`);
  }
  const decoder = new TextDecoder();
  const events = new EventStream();
  for await (const bytes of pieces(response)) {
    for (const data of events.take(decoder.decode(bytes, { stream: true }))) {
      if (data === "[DONE]") {
        return;
      }
      const chunk = JSON.parse(data) as Chunk;
      if (chunk.error) {
        throw new Error(chunk.error.message);
      }
      yield chunk;
    }
  }
}

async function reached(url: string, key: string, body: object, signal: AbortSignal): Promise<Response> {
  const headers = { Authorization: `Bearer ${key}`, "Content-Type": "application/json" };
  try {
    return await fetch(url, { method: "POST", headers, body: JSON.stringify(body), signal });
  } catch (error) {
    throw signal.aborted ? error : new Error("The model's process is gone. Ask again to start a new one.");
  }
}

async function* pieces(response: Response): AsyncGenerator<Uint8Array> {
  const reader = response.body?.getReader();
  for (;;) {
    let read;
    try {
      read = await reader?.read();
    } catch {
      throw new Error(GONE);
    }
    if (read?.value === undefined) {
      return;
    }
    yield read.value as Uint8Array;
  }
}
