"""`lintune ask RUN|GGUF "prompt"`: one question to a model, its answer printed while it is written."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.text import Text

from lintune_schemas.errors import LintuneError
from lintune_server.cli.serve import BASE, MODEL_HELP, models_in
from lintune_server.sidecar.client import SidecarError
from lintune_server.sidecar.protocol import Adapted
from lintune_server.sidecar.supervisor import Sidecar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lintune_server.sidecar.client import Options, SidecarClient
    from lintune_server.sidecar.protocol import Source

_MAX_TOKENS = 256


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Ask a model one question, through the chat template that it was trained with. It answers with the "
        "likeliest token every time, as the editor's preview does. Exit codes: 0 answered, 2 it could not be "
        "asked."
    )
    parser.add_argument("model", type=Path, metavar="RUN|GGUF", help=MODEL_HELP)
    parser.add_argument("prompt", help="what the user says; - reads it from standard input")
    parser.add_argument("--system", metavar="TEXT", help="a system message in front of it")
    parser.add_argument(
        "--max-tokens",
        type=_count,
        default=_MAX_TOKENS,
        metavar="N",
        help="the longest answer (default %(default)s)",
    )
    parser.add_argument(
        "--compare", action="store_true", help="ask the base model of the run the same, and print it first"
    )


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when there is no such model, or it does not answer."""
    prompt = sys.stdin.read() if args.prompt == "-" else args.prompt
    messages = [{"role": "user", "content": prompt}]
    if args.system is not None:
        messages.insert(0, {"role": "system", "content": args.system})
    models = models_in(args.model)
    if args.compare and BASE not in models:
        raise LintuneError(
            "There is no base model to compare with: --compare needs a run whose base model is on this machine as a "
            "GGUF file. Training writes one."
        )
    asyncio.run(_ask(models, messages, args.max_tokens, compare=args.compare))
    return 0


async def _ask(
    models: dict[str, Source], messages: Sequence[dict[str, str]], max_tokens: int, *, compare: bool
) -> None:
    first = next(iter(models))
    async with Sidecar(models) as sidecar:
        client = await sidecar.client()
        # The base model gets the very same prompt, whatever template its own file has.
        prompt, options = await _prompt(client, messages, first)
        options["max_tokens"] = max_tokens
        for id_ in (BASE, first) if compare else (first,):
            if compare:
                _heading(id_, models[id_], again=id_ == first)
            await _answer(client, prompt, {**options, "model": id_})


async def _prompt(client: SidecarClient, messages: Sequence[dict[str, str]], model: str) -> tuple[str, Options]:
    """The rendered prompt; of a model without a chat template, the texts one after the other."""
    try:
        return await client.render(messages, model), {}
    except SidecarError as error:
        if error.code != "no_chat_template":
            raise
    return "".join(message["content"] for message in messages), {"add_special_tokens": True}


async def _answer(client: SidecarClient, prompt: str, options: Options) -> None:
    cut = False
    async with aclosing(client.stream(prompt, **options)) as pieces:
        async for piece in pieces:
            print(piece.text, end="", flush=True)
            cut = piece.finish_reason == "length"
    print(flush=True)
    if cut:
        note = Text("(cut off here: see --max-tokens)", style="dim")
        Console(stderr=True).print(note)


def _heading(id_: str, source: Source, *, again: bool) -> None:
    if again:
        print()
    name = f"{source.adapter.name} on {source.base}" if isinstance(source, Adapted) else source.name
    Console(highlight=False, soft_wrap=True).print(Text.assemble((id_, "bold"), " · ", name))


def _count(argument: str) -> int:
    if not argument.isdecimal() or int(argument) < 1:
        raise argparse.ArgumentTypeError(f"give a number of at least 1, not {argument}")
    return int(argument)
