"""The routes: what each does with a request, from its body to its answer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from lintune_schemas.chat_template import TemplateError
from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.worker import bodies, grammar
from lintune_server.sidecar.worker.answers import ChatAnswer, TextAnswer
from lintune_server.sidecar.worker.generation import Task
from lintune_server.sidecar.worker.problems import ApiError
from lintune_server.sidecar.worker.sending import StreamedAnswer, WholeAnswer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from starlette.requests import Request

    from lintune_server.sidecar.worker.answers import AnswerFormat
    from lintune_server.sidecar.worker.bodies import Generate, Message
    from lintune_server.sidecar.worker.model_thread import ModelThread
    from lintune_server.sidecar.worker.models import Choice, Models


_ROUTES = "See /v1/models, /v1/chat/completions, /v1/completions, /apply-template, /tokenize."


def build(models: Models, thread: ModelThread) -> Starlette:
    """The application, without its guard."""
    routes = Routes(models, thread)
    return Starlette(
        routes=[
            Route("/health", routes.health),
            Route("/v1/models", routes.list_models),
            Route("/v1/models/{id:path}", routes.model),
            Route("/v1/completions", routes.completions, methods=["POST"]),
            Route("/v1/chat/completions", routes.chat_completions, methods=["POST"]),
            Route("/v1/load_lora_adapter", routes.load_adapter, methods=["POST"]),
            Route("/v1/unload_lora_adapter", routes.unload_adapter, methods=["POST"]),
            Route("/apply-template", routes.apply_template, methods=["POST"]),
            Route("/tokenize", routes.tokenize, methods=["POST"]),
        ],
        exception_handlers=dict.fromkeys((ApiError, TemplateError, HTTPException, Exception), _refuse),
    )


class Routes:
    def __init__(self, models: Models, thread: ModelThread) -> None:
        self._models = models
        self._thread = thread

    async def health(self, _: Request) -> Response:
        """Needs no token, so it says nothing but that the process is there."""
        return JSONResponse({"status": "ok"})

    async def list_models(self, _: Request) -> Response:
        entries = [
            {"id": id_, "object": "model", "created": 0, "owned_by": "lintune", "parent": self._models.base_of(id_)}
            for id_ in self._models.ids
        ]
        return JSONResponse({"object": "list", "data": entries})

    async def model(self, request: Request) -> Response:
        id_ = self._models.known(request.path_params["id"])
        entry = {"id": id_, "object": "model", "created": 0, "owned_by": "lintune", "parent": self._models.base_of(id_)}
        return JSONResponse(entry)

    async def completions(self, request: Request) -> Response:
        body = await bodies.read(request, bodies.CompletionBody)
        id_ = self._models.known(body.model)
        prompt = body.text_or_ids

        def ids(choice: Choice) -> list[int]:
            if not isinstance(prompt, str):
                return prompt
            vocabulary = choice.engine.model.vocabulary
            tokens = vocabulary.tokenize(prompt)
            return vocabulary.with_bos(tokens) if body.add_special_tokens else tokens

        what = _What(body.max_tokens, body.logprobs, echo=bool(body.echo))
        return self._generate(body, id_, ids, what, TextAnswer(id_, body.logprobs))

    async def chat_completions(self, request: Request) -> Response:
        body = await bodies.read(request, bodies.ChatBody)
        id_ = self._models.known(body.model)

        def ids(choice: Choice) -> list[int]:
            # Nothing is added: training does not add a BOS either to what the template writes.
            return choice.engine.model.vocabulary.tokenize(_render(choice, id_, body.messages))

        what = _What(body.limit, body.likely)
        return self._generate(body, id_, ids, what, ChatAnswer(id_, logprobs=body.likely is not None))

    async def load_adapter(self, request: Request) -> Response:
        body = await bodies.read(request, bodies.LoadAdapterBody)
        adapted = Adapted(body.base_model_name, Path(body.lora_path))
        await self._thread.call(lambda: self._models.load_adapter(body.lora_name, adapted))
        return JSONResponse({"id": body.lora_name, "status": "loaded"})

    async def unload_adapter(self, request: Request) -> Response:
        body = await bodies.read(request, bodies.UnloadAdapterBody)
        await self._thread.call(lambda: self._models.unload_adapter(body.lora_name))
        return JSONResponse({"id": body.lora_name, "status": "unloaded"})

    async def apply_template(self, request: Request) -> Response:
        body = await bodies.read(request, bodies.TemplateBody)
        id_ = self._models.known(body.model)
        prompt = await self._thread.call(lambda: _render(self._models.get(id_), id_, body.messages))
        return JSONResponse({"prompt": prompt})

    async def tokenize(self, request: Request) -> Response:
        body = await bodies.read(request, bodies.TokenizeBody)
        id_ = self._models.known(body.model)

        def read() -> list[int]:
            vocabulary = self._models.get(id_).engine.model.vocabulary
            return vocabulary.tokenize(body.text, parse_special=body.parse_special)

        return JSONResponse({"tokens": await self._thread.call(read)})

    def _generate(
        self, body: Generate, id_: str, ids: Callable[[Choice], list[int]], what: _What, format_: AnswerFormat
    ) -> Response:
        form = grammar.source(body.response_format)

        def task() -> Task:
            choice = self._models.get(id_)
            return Task(
                engine=choice.engine,
                adapter=choice.adapter,
                prompt=ids(choice),
                max_tokens=what.max_tokens,
                sampling=body.sampling(),
                stops=body.stops,
                grammar=grammar.Grammar(form, choice.engine.model.vocabulary) if form else None,
                logprobs=what.logprobs,
                echo=what.echo,
                priority=body.priority,
            )

        events = self._thread.generate(task)
        if body.stream:
            return StreamedAnswer(events, format_, include_usage=body.include_usage)
        return WholeAnswer(events, format_)


@dataclass(frozen=True, slots=True)
class _What:
    """In what the two routes differ; see `Task`."""

    max_tokens: int | None
    logprobs: int | None
    echo: bool = False


def _render(choice: Choice, id_: str, messages: Sequence[Message]) -> str:
    """The prompt that asks for the next turn of a conversation. Raises ApiError and TemplateError."""
    if choice.chat_template is None:
        raise ApiError(
            400,
            "no_chat_template",
            f"{id_} has no chat template. Send its prompt to /v1/completions.",
            "model",
        )
    turns = [{"role": message.role, "content": message.text} for message in messages]
    return choice.chat_template.render(turns, add_generation_prompt=True)


async def _refuse(request: Request, error: Exception) -> Response:
    problem = _problem(request, error)
    # The rest of a body that is refused is not read: the connection cannot be used again.
    headers = {"Connection": "close"} if problem.status in (408, 413) else None
    return JSONResponse(problem.body, problem.status, headers=headers)


def _problem(request: Request, error: Exception) -> ApiError:
    match error:
        case ApiError():
            return error
        case TemplateError():
            return ApiError(400, "chat_template", f"The model's chat template refuses this: {error}", "messages")
        case HTTPException():
            asked = f"{request.method} {request.url.path}"
            return ApiError(error.status_code, "no_such_route", f"There is no {asked} here. {_ROUTES}")
    name = type(error).__name__
    return ApiError(500, "fault", f"The sidecar has a fault ({name}). Its standard error says more.")
