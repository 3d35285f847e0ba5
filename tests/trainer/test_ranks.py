"""What processes that train together do as one, in two that do nothing else."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lintune_trainer.engines import ranks

ROOT = Path(__file__).parents[2]


def each_of_two(work: Callable[[int, Path], Any], folder: Path) -> list[Any]:
    """What `work` gives in each of two processes, as JSON has it."""
    command = [sys.executable, "-m", "tests.trainer.test_ranks", work.__name__, str(folder)]
    children = [
        subprocess.Popen([*command, str(rank)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for rank in range(2)
    ]
    said = [child.communicate(timeout=120) for child in children]
    assert [child.returncode for child in children] == [0, 0], said
    return [json.loads(words) for words, _ in said]


def joined(work: Callable[[int, Path], Any], folder: Path, rank: int) -> Any:
    """What `work` gives in this process, one of two."""
    from torch import distributed

    distributed.init_process_group("gloo", init_method=f"file://{folder / 'rendezvous'}", rank=rank, world_size=2)
    try:
        return work(rank, folder)
    finally:
        distributed.destroy_process_group()


def votes(rank: int, _folder: Path) -> tuple[bool, bool, bool]:
    return ranks.any_says(rank == 1), ranks.any_says(False), ranks.first()


def lists(rank: int, _folder: Path) -> tuple[list[int], list[str], list[int]]:
    def doubled(share: list[int]) -> list[int]:
        assert share == [1, 3, 5] if rank == 0 else [2, 4]
        return [2 * number for number in share]

    return ranks.dealt([1, 2, 3, 4, 5], doubled), ranks.gathered([f"of {rank}"]), ranks.dealt([7], lambda share: share)


def folders(rank: int, folder: Path) -> list[str]:
    final = folder / "whole"
    with ranks.new_folder(final) as partial:
        assert not final.exists()
        (partial / f"of-{rank}").touch()
        ranks.wait_for_all()
    return sorted(path.name for path in final.iterdir())


@pytest.mark.long
def test_two_processes(tmp_path: Path) -> None:
    for work, expected in (
        (votes, [[True, False, True], [True, False, False]]),
        (lists, [[[2, 4, 6, 8, 10], ["of 0", "of 1"], [7]]] * 2),
        (folders, [["of-0", "of-1"]] * 2),
    ):
        folder = tmp_path / work.__name__
        folder.mkdir()
        assert each_of_two(work, folder) == expected


def test_alone(tmp_path: Path) -> None:
    assert ranks.first()
    assert ranks.any_says(True)
    assert not ranks.any_says(False)
    assert ranks.gathered([1]) == [1]
    assert ranks.dealt([1, 2], lambda share: share) == [1, 2]
    assert folders(0, tmp_path) == ["of-0"]


if __name__ == "__main__":
    name, where, number = sys.argv[1:]
    print(json.dumps(joined(globals()[name], Path(where), int(number))))
