"""Asking each question once, and letting a sweeping pointer not fill the queue."""

import asyncio
from pathlib import Path

import pytest

from lintune_schemas.errors import LintuneError
from lintune_server.language_server.preview import Answer, Preview, Question


def question(prompt: str) -> Question:
    return Question(Path("model.gguf"), prompt, 16, 0.0, ("<|im_end|>",))


class Oracle:
    """Answers when it is allowed to, and counts."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.may_answer = asyncio.Event()
        self.fails = False

    async def __call__(self, question: Question) -> Answer:
        self.asked.append(question.prompt)
        await self.may_answer.wait()
        if self.fails:
            raise LintuneError("The model is gone.")
        return Answer(question.prompt.upper(), 100.0)


async def test_a_question_is_asked_once_while_asked_and_after() -> None:
    oracle = Oracle()
    preview = Preview(oracle)
    first, second = preview.ask(question("a")), preview.ask(question("a"), glimpse=True)
    oracle.may_answer.set()
    assert (await first).text == (await second).text == "A"
    assert (await preview.ask(question("a"))).text == "A"
    assert oracle.asked == ["a"]


async def test_a_failure_is_not_kept() -> None:
    oracle = Oracle()
    oracle.may_answer.set()
    oracle.fails = True
    preview = Preview(oracle)
    with pytest.raises(LintuneError, match="gone"):
        await preview.ask(question("a"))
    oracle.fails = False
    assert (await preview.ask(question("a"))).text == "A"


async def test_of_many_hovers_the_running_and_the_last_are_answered() -> None:
    oracle = Oracle()
    preview = Preview(oracle)
    hovers = [preview.ask(question("0"), glimpse=True)]
    await asyncio.sleep(0)  # the first one's turn begins
    hovers += [preview.ask(question(str(number)), glimpse=True) for number in range(1, 10)]
    oracle.may_answer.set()
    await asyncio.wait(hovers)
    assert oracle.asked == ["0", "9"]
    assert [hover.cancelled() for hover in hovers] == [False, *[True] * 8, False]


async def test_a_question_that_someone_insists_on_stays() -> None:
    oracle = Oracle()
    preview = Preview(oracle)
    preview.ask(question("running"), glimpse=True)
    await asyncio.sleep(0)
    hover = preview.ask(question("a"), glimpse=True)
    asked = preview.ask(question("a"))
    preview.ask(question("b"), glimpse=True)
    oracle.may_answer.set()
    assert (await asked).text == "A"
    assert hover.done()
