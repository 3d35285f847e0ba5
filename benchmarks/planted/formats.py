"""Clean samples of every format, made of problems."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.planted.layout import dump

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterator, Sequence

    from benchmarks.planted.layout import Sample
    from benchmarks.planted.problems import Problem

SYSTEM_PROMPTS = (
    "You are a patient maths tutor.",
    "You help pupils with word problems. Show every step.",
    "Answer in plain sentences and name the result at the end.",
    "You are an assistant for a school. Be brief and correct.",
)


def message(role: str, content: str) -> Sample:
    return {"role": role, "content": content}


def conversation(*contents: str) -> list[Sample]:
    """Messages of the user and the assistant in turn."""
    return [message("assistant" if index % 2 else "user", content) for index, content in enumerate(contents)]


def chat(problem: Problem) -> Sample:
    """One question, one answer in prose."""
    return {"messages": conversation(problem.question, problem.prose)}


def raw_chat(problem: Problem) -> Sample:
    """The answer as the data set has it."""
    return {"messages": conversation(problem.question, problem.raw)}


def system_chat(problem: Problem, rng: random.Random) -> Sample:
    return {"messages": [message("system", rng.choice(SYSTEM_PROMPTS)), *chat(problem)["messages"]]}


def multi_turn(problems: Sequence[Problem], rng: random.Random) -> Sample:
    """A conversation about several problems, half of them with a system message."""
    messages = conversation(*(text for problem in problems for text in (problem.question, problem.prose)))
    return {"messages": [message("system", rng.choice(SYSTEM_PROMPTS)), *messages] if rng.random() < 0.5 else messages}


def alpaca(problem: Problem, with_input: bool = False) -> Sample:
    """Without an input the instruction is the question; with one, instructions repeat and the input is the question."""
    if with_input:
        instruction = "Solve this problem and show each step."
        return {"instruction": instruction, "input": problem.question, "output": problem.prose}
    return {"instruction": problem.question, "input": "", "output": problem.prose}


def prompt_completion(problem: Problem) -> Sample:
    return {"prompt": problem.question, "completion": problem.prose}


def sharegpt(problem: Problem) -> Sample:
    return {
        "conversations": [{"from": "human", "value": problem.question}, {"from": "gpt", "value": problem.prose}],
    }


def text(problem: Problem) -> Sample:
    return {"text": f"{problem.question}\n\n{problem.prose}"}


def preference(problem: Problem) -> Sample:
    """The rejected answer has another course and a wrong result."""
    wrong = f"It is {problem.number * 2 + 3}, because all the numbers in the question add up to about that."
    return {"prompt": problem.question, "chosen": problem.prose, "rejected": wrong}


def segments(problem: Problem) -> Sample:
    """The input_output format: its author writes the template out, end-of-turn tokens included."""
    prompt = f"<|im_start|>user\n{problem.question}<|im_end|>\n<|im_start|>assistant\n"
    return {"segments": [{"label": False, "text": prompt}, {"label": True, "text": f"{problem.prose}<|im_end|>"}]}


def labelled(problem: Problem) -> Sample:
    """A classification sample: one of three labels is the whole answer."""
    question = f"{problem.question}\n\nIs the result small, medium or large?"
    return {"messages": conversation(question, problem.size)}


def balanced(problems: Iterator[Problem], rng: random.Random, count: int) -> list[Problem]:
    """Problems of which each label has as many, in random order."""
    wanted = [("small", "medium", "large")[index % 3] for index in range(count)]
    found: list[Problem] = []
    while wanted:
        problem = next(problems)
        if problem.size in wanted:
            wanted.remove(problem.size)
            found.append(problem)
    return rng.sample(found, count)


def json_answer(problem: Problem) -> Sample:
    """Every answer is a JSON object with the same three keys, one of them an enum."""
    answer = {
        "result": problem.number,
        "size": problem.size,
        "calculation": ", ".join(map("=".join, problem.calculations)),
    }
    return {"messages": conversation(problem.question, dump(answer))}


def prefixed(problem: Problem, prefix: str) -> Sample:
    return {"messages": conversation(problem.question, f"{prefix} {problem.prose}")}


def program(problem: Problem) -> Sample:
    """An answer with a fenced piece of code."""
    numbers = [f"step_{index} = {formula}" for index, (formula, _) in enumerate(problem.calculations, start=1)]
    code = "\n".join((*numbers, f"print({problem.number})"))
    question = f"Write a short Python program for this. {problem.question}"
    answer = f"{problem.steps[0]} In Python:\n\n```python\n{code}\n```\n\nIt prints {problem.number}."
    return {"messages": conversation(question, answer)}


def grouped(problems: Iterator[Problem], rng: random.Random, count: int) -> list[Sample]:
    """Conversations of two or three problems each."""
    return [multi_turn([next(problems) for _ in range(rng.choice((2, 2, 3)))], rng) for _ in range(count)]


FORMATS: dict[str, Callable[[Problem], Sample]] = {
    "chat": chat,
    "alpaca": alpaca,
    "prompt-completion": prompt_completion,
    "sharegpt": sharegpt,
    "text": text,
    "preference": preference,
    "input-output": segments,
}
"""A maker for each known sample format."""
