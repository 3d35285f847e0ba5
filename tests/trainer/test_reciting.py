"""Thirty samples, thirty epochs, the real demo model: it learns them by heart, and the run says so in time."""

import json
import random
from pathlib import Path

import pytest

from lintune_schemas import events, runs
from lintune_schemas.events import Evaluation, Warned, WarningTopic

from .trainer_process import only_run, start_and_wait_for

pytestmark = pytest.mark.slow

SYLLABLES = ("ka", "lo", "mi", "ru", "te", "vo", "sha", "ni", "do", "pel")
COLOURS = ("red", "green", "blue", "white", "black", "yellow", "violet", "orange")


def chat(question: str, answer: str) -> dict[str, list[dict[str, str]]]:
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def test_it_is_said_at_which_epoch_to_stop(lamps: Path) -> None:
    """What colour a made-up place has cannot be learned, only remembered."""
    chance = random.Random(5)
    facts = []
    for number in range(40):
        place = "".join(chance.choices(SYLLABLES, k=3)).title() + str(number)
        facts.append(chat(f"What colour is {place}?", f"It is {chance.choice(COLOURS)}."))
    for name, part in (("train.jsonl", facts[:30]), ("eval.jsonl", facts[30:])):
        (lamps / name).write_text("".join(json.dumps(fact) + "\n" for fact in part), encoding="utf-8")
    settings = ("num_epochs=30", "micro_batch_size=15", "evals_per_epoch=1", "lintune.export.gguf=[]")
    training = start_and_wait_for(lamps, Warned, *settings)
    training.kill()
    training.communicate()
    recorded = list(events.read(only_run(lamps) / runs.EVENTS))
    (warned,) = [event for event in recorded if isinstance(event, Warned)]
    assert warned.topic is WarningTopic.OVER_FITTING
    losses = {event.step // 2: event.eval_loss for event in recorded if isinstance(event, Evaluation)}
    best = min(losses, key=lambda epoch: losses[epoch])
    assert warned.epoch == best < max(losses) < 30
    assert f"set num_epochs: {best}" in warned.message
    assert losses[max(losses)] > 1.05 * losses[best]
