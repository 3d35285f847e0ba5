"""`lintune/answers`: what the models of a run answer to the first samples of the eval set.

`lintune/answersChanged` `{run}` tells that a model of a run has answered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lintune_schemas.errors import LintuneError
from lintune_server.language_server import requests

if TYPE_CHECKING:
    from lintune_server.language_server.connection import LintuneServer
    from lintune_server.language_server.session import Session

ANSWERS = "lintune/answers"


def register(server: LintuneServer) -> None:
    requests.register(server, ANSWERS, answers)


async def answers(session: Session, params: dict[str, Any]) -> dict[str, Any]:
    """`{run, ask?}` → `{samples: [{uri, line, prompt, reference, answers: [{model, step, text, whole, equal, diff}]}],
    canAsk, asking, problem}`: what was answered so far. Nobody is asked, unless `ask` is true: then base model and
    newest model of the run are, and `lintune/answersChanged` tells when there is more.

    run: path of a run directory. canAsk: whether one of those two has not answered yet, and may be asked. line:
    0-based. model: base, checkpoint (of a `step`) or tuned, in this order. whole: false where `max_tokens` cut it.
    equal: whether it is the reference; null without one. diff: `[{kind, text}]` where kind is both, reference or
    answer; null when the two are equal, or have too little in common to be compared.
    """
    run, ask = requests.text(params, "run"), params.get("ask") is True
    if not run:
        raise LintuneError("run is to be the path of a run directory.")
    return await session.run_answers.of(run, ask=ask)
