"""The process that holds the models: the one place that imports llama_cpp.

An OpenAI-compatible HTTP server on the loopback interface. A request goes through the modules in this order:
`guard` (token, idle clock), `app` (routes), `bodies` (what is asked), `model_thread` (its turn), `models`
(which file), `completion` and `model` (tokens and text), `answers` (OpenAI's objects), `sending` (at once or
streamed).

Why not `llama_cpp.server`, which the same package brings (0.3.36):
- it puts the BOS that the file's metadata ask for in front of a prompt that begins with one already, and
  renders chats in a built-in format that it guesses from the template, rather than with the template: the
  model would not see what it was trained on;
- it holds one model at a time, so base and tuned could not be asked in turn without loading, and answers a
  request for an unknown model with another one;
- it looks for stop sequences in the list's order rather than the text's, and never finds a control token,
  which has no text;
- it has no limit on bodies or time, no idle stop, does not say which port it got, and needs FastAPI,
  pydantic-settings, sse-starlette and starlette-context on top of Starlette and uvicorn.
"""
