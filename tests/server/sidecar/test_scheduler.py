"""Many requests at once, in batches: each gets its own answer, in its turn, and nothing is read twice."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import llama_cpp
import pytest

from lintune_server.sidecar.worker.context import BATCH
from lintune_server.sidecar.worker.slots import SLOTS

from .adapter_file import write_adapter
from .engines import Desk, load

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from lintune_server.sidecar.worker.engine import Engine

pytestmark = pytest.mark.slow


def counting(first: int) -> str:
    """A prompt that leaves no doubt of what comes next."""
    return "".join(f"Line number {number}\n" for number in range(first, first + 5))


def after(first: int) -> str:
    """How the answer to `counting` begins."""
    return f"Line number {first + 5}\n"


@pytest.fixture(scope="module")
def engine(demo_model: Path) -> Iterator[Engine]:
    """A context of 512 tokens, and so a pool of 1,024."""
    engine = load(demo_model, 512)
    yield engine
    engine.close()


@pytest.fixture
def desk(engine: Engine) -> Iterator[Desk]:
    """With nothing in the cache."""
    while engine.slots.give_up_oldest():
        pass
    desk = Desk(engine)
    yield desk
    for generation in list(engine._generations):
        generation.drop()


def test_one_request_is_answered_as_by_llama_cpp_alone(desk: Desk, demo_model: Path) -> None:
    llama = llama_cpp.Llama(str(demo_model), n_ctx=512, n_threads=1, n_threads_batch=1, flash_attn=True, verbose=False)
    for prompt in ("The capital of France is", "def fibonacci(n):"):
        ids = llama.tokenize(prompt.encode(), add_bos=False, special=True)
        expected = []
        for token in llama.generate(ids, temp=0, top_k=1):
            expected.append(token)
            if len(expected) == 16:
                break
        asked = desk.ask(ids, 16)
        desk.run()
        assert asked.generation.tokens[len(ids) :] == expected
    llama.close()


def test_sixteen_at_once_each_get_their_own_answer(desk: Desk) -> None:
    firsts = range(3, 3 + SLOTS)
    asked = [desk.ask(counting(first), 6) for first in firsts]
    desk.run()
    for first, each in zip(firsts, asked, strict=True):
        assert each.text.startswith(after(first))


def test_those_that_come_together_come_along_together(desk: Desk) -> None:
    """Nobody is more than a few tokens ahead of anyone, and nobody who comes later waits for those to end."""
    first = [desk.ask(counting(number), 30) for number in range(3)]
    while not all(each.answered for each in first):
        desk.scheduler.step()
    late = desk.ask(counting(9), 4)
    while not late.finished:
        desk.scheduler.step()
        counts = [each.answered for each in first]
        assert max(counts) - min(counts) <= 4
    assert not any(each.finished for each in first)
    desk.run()
    assert [each.finished.completion_tokens for each in first if each.finished] == [30] * 3


def test_a_long_prompt_stops_nobody(desk: Desk) -> None:
    short = desk.ask(counting(5), 40)
    while not short.answered:
        desk.scheduler.step()
    before = short.answered
    long = desk.ask([*range(100, 600)], 1)
    while not long.finished:
        desk.scheduler.step()
    assert short.answered >= before + 500 // BATCH + 1


def test_more_than_there_are_slots_wait_their_turn(desk: Desk) -> None:
    asked = [desk.ask(counting(number), 4) for number in range(SLOTS + 5)]
    desk.run()
    assert [each.finished.reason for each in asked if each.finished] == ["length"] * (SLOTS + 5)


def test_what_is_not_urgent_waits_where_it_is_and_goes_on_later(desk: Desk) -> None:
    hover = desk.ask(counting(5), 24, priority=1)
    prefetch = desk.ask(counting(7), 8, priority=2)
    while hover.answered < 3:
        desk.scheduler.step()
    stands = hover.answered
    explicit = desk.ask(counting(40), 20)
    while not explicit.finished:
        desk.scheduler.step()
        if not explicit.finished:
            assert hover.answered == stands
    assert prefetch.answered == 0
    desk.run()
    assert explicit.text.startswith(after(40))
    assert hover.text.startswith(after(5))
    assert prefetch.text.startswith(after(7))
    assert hover.finished
    assert hover.finished.completion_tokens == 24


def test_the_beginning_of_a_prompt_is_read_once(desk: Desk) -> None:
    beginning = [*range(1000, 1300)]
    first = desk.ask([*beginning, 7, 8], 4)
    desk.run()
    second = desk.ask([*beginning, 9, 10], 4)
    assert second.generation.unread == 302
    desk.engine.place(second.generation)
    assert second.generation.unread == 2
    again = desk.ask([*beginning, 7, 8], 4)  # also while the second is being answered
    desk.engine.place(again.generation)
    assert again.generation.unread == 0
    desk.run()
    assert again.text == first.text


def test_a_conversation_goes_on_in_its_slot(desk: Desk) -> None:
    ids = desk.engine.model.vocabulary.tokenize(counting(3))
    first = desk.ask(ids, 6)
    desk.run()
    following = desk.ask([*first.generation.tokens, 30, 31], 1)
    desk.engine.place(following.generation)
    assert following.generation.unread == 3  # the last token of the answer was never read
    desk.run()
    assert following.finished


def test_each_adapter_has_its_own_cache(desk: Desk, demo_model: Path, tmp_path: Path) -> None:
    one = desk.adapter(write_adapter(tmp_path / "one.gguf", demo_model, seed=1, strength=4))
    two = desk.adapter(write_adapter(tmp_path / "two.gguf", demo_model, seed=2, strength=4))
    weights = (None, one, two)
    alone = {adapter: desk.answer("The sky is", 8, adapter=adapter) for adapter in weights}
    assert len(set(alone.values())) == 3
    # In turns, while all are being answered, and twice over.
    for _ in range(2):
        asked = {adapter: desk.ask("The sky is", 8, adapter=adapter) for adapter in weights}
        for each in asked.values():
            desk.engine.place(each.generation)
            assert each.generation.unread == 0
        desk.run()
        assert {adapter: each.text for adapter, each in asked.items()} == alone
    desk.engine.free_adapters(set())
    assert desk.answer("The sky is", 8) == alone[None]


def test_an_adapter_of_no_strength_changes_nothing(desk: Desk, demo_model: Path, tmp_path: Path) -> None:
    nothing = desk.adapter(write_adapter(tmp_path / "nothing.gguf", demo_model, strength=0))
    prompt = "The first president of the United States was"
    assert desk.answer(prompt, 16, adapter=nothing) == desk.answer(prompt, 16)


def test_when_the_cells_run_out_what_is_old_is_forgotten_first(desk: Desk) -> None:
    for start in range(1000, 2600, 400):  # far more than the pool holds
        desk.answer([*range(start, start + 380)], 2)
    assert desk.answer(counting(3), 6).startswith(after(3))
    remembered = sum(len(slot.tokens) for slot in desk.engine.slots._slots)
    assert 512 < remembered <= desk.engine.cells


def test_when_the_cells_run_out_the_last_to_come_waits_and_loses_nothing(desk: Desk) -> None:
    tokenize = desk.engine.model.vocabulary.tokenize
    # Each takes a third of the pool at first, and more while it is answered.
    prompts = [[*range(100 * number, 100 * number + 280), *tokenize(counting(number))] for number in range(1, 4)]
    asked = [desk.ask(prompt, 60) for prompt in prompts]
    desk.run()
    for number, each in enumerate(asked, 1):
        assert each.finished
        assert each.text.startswith(after(number))


def test_who_goes_away_while_a_prompt_is_read_leaves_at_once(desk: Desk) -> None:
    other = desk.ask(counting(3), 6)
    asked = desk.ask([*range(100, 600)], 100)
    desk.scheduler.step()

    def go() -> None:
        asked.gone.set()
        desk.scheduler.cancelled()

    timer = threading.Timer(0.05, go)
    timer.start()
    desk.run()
    timer.join()
    assert asked.generation.over
    assert not asked.finished
    assert other.text.startswith(after(3))
    assert not any(slot.busy for slot in desk.engine.slots._slots)
    assert desk.answer(counting(30), 6).startswith(after(30))


def test_a_batch_that_is_given_up_leaves_no_trace(desk: Desk) -> None:
    expected = desk.answer([*range(100, 400)], 8)
    while desk.engine.slots.give_up_oldest():
        pass
    asked = desk.ask([*range(100, 400)], 8)
    for delay in (0.01, 0.03, 0.06):
        timer = threading.Timer(delay, desk.engine.context.abort)
        timer.start()
        desk.scheduler.step()
        timer.join()
    desk.run()
    assert asked.text == expected
