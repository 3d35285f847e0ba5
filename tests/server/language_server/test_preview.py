"""Asking each question once, for as long as somebody wants to know, and keeping the answer over restarts."""

import asyncio
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lintune_schemas.errors import LintuneError
from lintune_server.language_server.preview import Answer, Model, ModelFile, Preview, Priority, Question

ASKED, HOVER, AHEAD = Priority.ASKED, Priority.HOVER, Priority.AHEAD


@pytest.fixture(autouse=True)
def cache_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def question(prompt: str, temperature: float = 0.0) -> Question:
    return Question(Model(ModelFile(Path("model.gguf"), 1, 2, 3)), prompt, 16, temperature, ("<|im_end|>",))


class Oracle:
    """Answers when it is allowed to, and writes down who asked what, and what was given up."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.given_up: list[str] = []
        self.may_answer = asyncio.Event()
        self.fails = False

    async def __call__(self, question: Question, priority: Priority, heard: Callable[[str], None]) -> Answer:
        self.asked.append(f"{question.prompt} {priority.name.lower()}")
        heard(question.prompt[:1])
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.given_up.append(question.prompt)
            raise
        if self.fails:
            raise LintuneError("The model is gone.")
        return Answer(question.prompt.upper(), 100.0)

    async def until_asked(self, count: int) -> None:
        while len(self.asked) < count:
            await asyncio.sleep(0.001)


@pytest.fixture
def oracle() -> Oracle:
    return Oracle()


async def test_a_question_is_asked_once_while_asked_and_after(oracle: Oracle) -> None:
    preview = Preview(oracle)
    (first,), (second,) = preview.ask([question("a")], ASKED, 1), preview.ask([question("a")], HOVER, 2)
    oracle.may_answer.set()
    assert (await first.done).text == (await second.done).text == "A"
    (third,) = preview.ask([question("a")], ASKED, 3)
    assert (third.answer or pytest.fail("it was known")).text == "A"
    assert oracle.asked == ["a asked"]


async def test_one_after_the_other_and_what_has_come_so_far(oracle: Oracle) -> None:
    preview = Preview(oracle)
    first, second = preview.ask([question("one"), question("two")], HOVER, 1)
    await oracle.until_asked(1)
    await asyncio.sleep(0.02)
    assert (first.text, first.answer, second.text) == ("o", None, "")
    oracle.may_answer.set()
    await second.done
    assert oracle.asked == ["one hover", "two hover"]
    assert (first.text, second.text) == ("ONE", "TWO")


async def test_the_second_is_asked_although_the_first_has_no_answer(oracle: Oracle) -> None:
    oracle.fails = True
    oracle.may_answer.set()
    first, second = Preview(oracle).ask([question("one"), question("two")], HOVER, 1)
    for asking in (first, second):
        with pytest.raises(LintuneError, match="gone"):
            await asking.done


async def test_a_failure_is_not_kept(oracle: Oracle) -> None:
    oracle.may_answer.set()
    oracle.fails = True
    preview = Preview(oracle)
    (asking,) = preview.ask([question("a")], ASKED, 1)
    with pytest.raises(LintuneError, match="gone"):
        await asking.done
    with pytest.raises(LintuneError, match="gone"):
        _ = asking.answer
    oracle.fails = False
    (asking,) = preview.ask([question("a")], ASKED, 1)
    assert (await asking.done).text == "A"


async def test_what_nobody_wants_any_more_is_given_up(oracle: Oracle) -> None:
    preview = Preview(oracle)
    mine, both = preview.ask([question("mine"), question("both")], HOVER, "me")
    preview.ask([question("both")], ASKED, "you")
    await oracle.until_asked(1)
    preview.let_go("me")
    await asyncio.wait({mine.done})
    assert mine.done.cancelled()
    assert oracle.given_up == ["mine"]
    oracle.may_answer.set()
    assert (await both.done).text == "BOTH"
    preview.let_go("you")
    assert (both.answer or pytest.fail("answers stay")).text == "BOTH"


async def test_asked_again_right_after_it_was_given_up(oracle: Oracle) -> None:
    preview = Preview(oracle)
    preview.ask([question("a")], HOVER, 1)
    await oracle.until_asked(1)
    preview.let_go(1)
    (again,) = preview.ask([question("a")], HOVER, 2)
    oracle.may_answer.set()
    assert (await again.done).text == "A"


async def test_answers_outlive_the_process_where_they_are_always_the_same(oracle: Oracle) -> None:
    oracle.may_answer.set()
    cold, warm = question("a"), question("a", temperature=0.7)
    for asking in Preview(oracle).ask([cold, warm], ASKED, 1):
        await asking.done
    assert await Preview(oracle).knows(cold)
    assert not await Preview(oracle).knows(warm)
    del oracle.asked[:]
    others = [
        replace(cold, prompt="b"),
        replace(cold, max_tokens=17),
        replace(cold, stop=()),
        replace(cold, model=replace(cold.model, file=replace(cold.model.file, modified=4))),
        replace(cold, model=replace(cold.model, adapter=cold.model.file)),
    ]
    renamed = replace(cold, model=replace(cold.model, id="run:another", context=9))
    for asking in Preview(oracle).ask([cold, renamed, *others], AHEAD, 1):
        await asking.done
    assert len(oracle.asked) == len(others), "what decides on an answer, and nothing else"


def test_a_file_that_is_written_anew_is_another(tmp_path: Path) -> None:
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF")
    first = ModelFile.of(path)
    assert ModelFile.of(path) == first
    os.utime(path, ns=(1, 1))
    assert ModelFile.of(path) != first
    path.unlink()
    with pytest.raises(LintuneError, match=r"model\.gguf could not be read \(No such file.*Train the recipe"):
        ModelFile.of(path)
