"""The process that holds the models: the one place that imports llama_cpp.

An OpenAI-compatible HTTP server on the loopback interface. A request goes through the modules in this order:
`guard` (token, idle clock), `app` (routes), `bodies` (what is asked), `model_thread` (the thread that it is answered
on), `models` (which file and adapter), `generation` (from tokens to text, with `sampling`, `grammar`, `text_stream`),
`answers` (OpenAI's objects), `sending` (at once or streamed).

Below, of each base model there is one `engine`: its `model` (weights, adapters, `vocabulary`), a `context` with many
sequences, and `slots`, which remember what each has read. `scheduler` decides who goes on in the next batch.
`gguf_files` looks at files before llama.cpp does.

Why not `llama_cpp.server`, which the same package brings (0.3.36):
- it answers one request at a time, and a new one ends the answer that is being streamed (`interrupt_requests`); no
  batches, no turns, no priorities;
- it puts one adapter on a model when that is loaded (`lora_path`), and holds one model at a time: base and tuned could
  not be asked in turn without loading; a request for an unknown model is answered by another one;
- it has a JSON grammar for `json_object` alone, by a conversion that leaves out keywords such as `minimum` in silence;
  probabilities need the logits of the whole context (`logits_all`), 800 MB for the demo model;
- it puts the BOS that the file's metadata ask for in front of a prompt that begins with one already, and
  renders chats in a built-in format that it guesses from the template, rather than with the template: the
  model would not see what it was trained on;
- it looks for stop sequences in the list's order rather than the text's, and never finds a control token,
  which has no text;
- it has no limit on bodies or time, no idle stop, does not say which port it got, and needs FastAPI,
  pydantic-settings, sse-starlette and starlette-context on top of Starlette and uvicorn.
"""
