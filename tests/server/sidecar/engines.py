"""The sidecar's engine and scheduler in this process, without HTTP: what each request gets, batch by batch."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lintune_server.sidecar.worker import gguf_files, llama_log
from lintune_server.sidecar.worker.engine import Engine
from lintune_server.sidecar.worker.events import Finished, Piece, Scored
from lintune_server.sidecar.worker.generation import Generation, Task
from lintune_server.sidecar.worker.sampling import Sampling
from lintune_server.sidecar.worker.scheduler import Scheduler

if TYPE_CHECKING:
    from pathlib import Path

    from lintune_server.sidecar.worker.model import Adapter


def load(model: Path, context: int) -> Engine:
    llama_log.capture(verbose=False)
    return Engine(gguf_files.identify(model), context=context, threads=1)


@dataclass
class Asked:
    """A request, and what has come of it so far."""

    generation: Generation
    events: list[object]
    gone: threading.Event = field(default_factory=threading.Event)

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, Piece))

    @property
    def tokens(self) -> list[Scored]:
        return [token for event in self.events if isinstance(event, Piece) for token in event.tokens]

    @property
    def finished(self) -> Finished | None:
        return next((event for event in self.events if isinstance(event, Finished)), None)

    @property
    def answered(self) -> int:
        """Tokens of the answer so far."""
        return len(self.generation.tokens) - len(self.generation._task.prompt)


class Desk:
    """Takes requests for one engine, and computes when it is told."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.scheduler = Scheduler()

    def ask(self, prompt: str | list[int], max_tokens: int | None = 8, **options: Any) -> Asked:
        """Greedily, if nothing else is said."""
        ids = self.engine.model.vocabulary.tokenize(prompt) if isinstance(prompt, str) else prompt
        options = {"sampling": Sampling(temperature=0), "stops": [], "adapter": None, **options}
        task = Task(engine=self.engine, prompt=ids, max_tokens=max_tokens, **options)
        events: list[object] = []
        gone = threading.Event()
        asked = Asked(Generation(task, events.append, gone.is_set), events, gone)
        self.scheduler.add(asked.generation)
        return asked

    def run(self) -> None:
        """Until every request is over."""
        while self.scheduler.busy:
            self.scheduler.step()

    def answer(self, prompt: str | list[int], max_tokens: int | None = 8, **options: Any) -> str:
        """Of one request alone."""
        asked = self.ask(prompt, max_tokens, **options)
        self.run()
        return asked.text

    def adapter(self, path: Path) -> Adapter:
        return self.engine.adapter(gguf_files.identify(path))
