"""What several processes that train together do as one. Alone, each of these does nothing special."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import torch
from torch import distributed

from lintune_schemas import atomic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

S = TypeVar("S")
T = TypeVar("T")


def together() -> bool:
    """Whether there are others."""
    return distributed.is_available() and distributed.is_initialized() and distributed.get_world_size() > 1


def first() -> bool:
    """Whether this is the process that writes and reports."""
    return not together() or distributed.get_rank() == 0


def wait_for_all() -> None:
    """Go on when all have come here."""
    if together():
        distributed.barrier()


def any_says(yes: bool) -> bool:
    """Whether one of the processes says yes; all must ask at the same point."""
    if not together():
        return yes
    # NCCL has no collectives on the CPU.
    device = "cuda" if distributed.get_backend() == "nccl" else "cpu"
    votes = torch.tensor([int(yes)], device=device)
    distributed.all_reduce(votes, distributed.ReduceOp.MAX)
    return bool(votes.item())


def gathered(items: list[T]) -> list[T]:
    """Those of all the processes; all must ask at the same point."""
    if not together():
        return items
    of_each: list[list[T]] = [[]] * distributed.get_world_size()
    distributed.all_gather_object(of_each, items)
    return [item for of_one in of_each for item in of_one]


def dealt(items: Sequence[S], work: Callable[[Sequence[S]], Sequence[T]]) -> list[T]:
    """What `work` makes of the items, one of each, in their order.

    Each process does it for its share of them, and all get the same results; all must ask at the same point.
    """
    if not together():
        return list(work(items))
    rank, processes = distributed.get_rank(), distributed.get_world_size()
    share = items[rank::processes]
    of_each: list[Sequence[T]] = [[]] * processes
    distributed.all_gather_object(of_each, list(work(share)) if share else [])
    return [of_each[place % processes][place // processes] for place in range(len(items))]


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """`atomic.new_folder` for all processes together: the first makes it, all fill it, and the first names it."""
    if not together():
        with atomic.new_folder(path) as partial:
            yield partial
        return
    name: list[str | None] = [None]
    if first():
        with atomic.new_folder(path) as partial:
            name[0] = str(partial)
            distributed.broadcast_object_list(name, src=0)
            yield partial
    else:
        distributed.broadcast_object_list(name, src=0)
        assert name[0] is not None
        yield Path(name[0])
    distributed.barrier()  # nobody looks for it before it has its name
