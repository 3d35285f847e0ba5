"""A base model that answers: its weights, its context with slots, and the adapters that were loaded on it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from lintune_server.sidecar.worker import gguf_files
from lintune_server.sidecar.worker.context import CELL_STEP, Context
from lintune_server.sidecar.worker.model import Model, ModelError
from lintune_server.sidecar.worker.slots import SLOTS, Slots

if TYPE_CHECKING:
    from lintune_server.sidecar.worker.generation import Generation
    from lintune_server.sidecar.worker.gguf_files import FileId
    from lintune_server.sidecar.worker.model import Adapter

_POOL = 2
"""Cells of the pool, in contexts: one request that takes a whole context does not keep others from going on."""

_GROWTH = 64
"""Cells that must be left when one more request comes in, since all their answers grow. Without them it would be put
off again in the next batch, having read its prompt for nothing, and the others with it for ever."""


class Engine:
    """context: tokens of prompt and answer together; fewer when the model was trained for fewer. threads: of the CPU.

    Raises ModelError. All on the model thread.
    """

    def __init__(self, file: FileId, *, context: int, threads: int) -> None:
        self.file = file
        self.model = Model(file)
        self.context_length = min(context, self.model.longest)
        self.cells = cells_of(self.context_length)
        try:
            self.context = Context(self.model, cells=self.cells, sequences=SLOTS, threads=threads)
        except ModelError:
            self.model.close()
            raise
        self.slots = Slots(self.context, partial=self.model.has_cells)
        self.used = time.monotonic()
        """When it was last asked."""
        self._adapters: dict[FileId, Adapter] = {}
        self._generations: set[Generation] = set()

    @property
    def busy(self) -> bool:
        return bool(self._generations)

    @property
    def bytes(self) -> int:
        """Memory that it takes, but for buffers that come and go."""
        adapters = sum(file.size for file in self._adapters)
        return self.file.size + adapters + self.cells * gguf_files.cell_bytes(self.model.fields)

    def adapter(self, file: FileId) -> Adapter:
        """An adapter on the model, loaded now if need be. Raises ModelError."""
        adapter = self._adapters.get(file)
        if adapter is None:
            adapter = self._adapters[file] = self.model.load_adapter(file)
        return adapter

    def free_adapters(self, keep: set[FileId]) -> None:
        """Free those that no id stands for any more and no request needs."""
        in_use = {generation.adapter for generation in self._generations}
        for file, adapter in list(self._adapters.items()):
            if file not in keep and adapter not in in_use:
                self.context.use(None)
                self.slots.drop(adapter)
                del self._adapters[file]
                adapter.free()

    def hold(self, generation: Generation) -> None:
        """A request is answered with it."""
        self._generations.add(generation)

    def release(self, generation: Generation) -> None:
        """The request is over: its slot is idle, and remembers what it has read."""
        self._generations.discard(generation)
        self.used = time.monotonic()
        self.pause(generation)

    def pause(self, generation: Generation) -> None:
        """Take a request's slot away. It gets another one later, and reads again what that does not have."""
        if generation.slot is not None:
            generation.slot.busy = False
            generation.slot = None

    def place(self, generation: Generation) -> bool:
        """Whether a request has a slot, now if need be."""
        if generation.slot is not None:
            return True
        if self._wanted and self._wanted + len(generation.tokens) + _GROWTH > self.cells:
            return False
        tokens = [] if generation.scores_prompt else generation.tokens
        generation.slot = self.slots.take(generation.adapter, tokens)
        return generation.slot is not None

    @property
    def _wanted(self) -> int:
        """Tokens of the requests with a slot, read or not; shared ones count for each."""
        return sum(len(generation.tokens) for generation in self._generations if generation.slot)

    def close(self) -> None:
        self.context.close()
        self.model.close()


def cells_of(context: int) -> int:
    return -(-context * _POOL // CELL_STEP) * CELL_STEP


def bytes_needed(file: FileId, context: int) -> int:
    """What an engine of a file would take. Raises LintuneError."""
    fields, _ = gguf_files.read_head(file.path)
    trained = fields.get(f"{fields.get('general.architecture')}.context_length", context)
    return file.size + cells_of(min(context, int(trained))) * gguf_files.cell_bytes(fields)
