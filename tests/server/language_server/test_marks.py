"""How the samples of an eval set came out, in the editor."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from lsprotocol import types
from pygls.exceptions import JsonRpcException

from lintune_schemas import datasets, run_evaluation
from lintune_schemas.run_evaluation import RunEvaluation, SampleResult, SampleScore

from ..sidecar.workspace import add_run
from .conftest import RECIPE
from .editor import Editor
from .test_inlay_hints import hints_until_known, lines

pytestmark = pytest.mark.asyncio(loop_scope="session")

RIGHT, WRONG = SampleScore(0.012, 2, 2, exact=True), SampleScore(3.14, 2, 1, exact=False)
EVAL = "".join(f'{{"prompt": "lamp {n}", "completion": "ON"}}\n' for n in range(5))


@pytest.fixture
def evaluated(workspace: Path) -> Path:
    """A workspace whose last run was evaluated on five samples. It left no model, so none is asked."""
    recipe, eval_set = workspace / "recipe.yaml", workspace / "eval.jsonl"
    eval_set.write_text(EVAL)
    run = add_run(recipe, "20260101-a")
    recipe.write_text(RECIPE + "test_datasets:\n  - path: eval.jsonl\n")
    scores = [(WRONG, RIGHT), (RIGHT, WRONG), (WRONG, WRONG), (RIGHT, RIGHT), (WRONG, None)]
    each = [
        SampleResult("eval.jsonl", sample.line, sample.digest.hex(), base, tuned)
        for sample, (base, tuned) in zip(datasets.read(eval_set).samples, scores, strict=True)
    ]
    (run / run_evaluation.FILE).write_bytes(msgspec.json.encode(RunEvaluation(5, 10, [], each)))
    return eval_set


async def test_marks_follow_their_samples(linting_editor: Editor, evaluated: Path) -> None:
    linting_editor.open(evaluated)
    found = await hints_until_known(linting_editor, evaluated, lines(0, 9))
    tokens = found[4]
    assert "·" not in tokens, "it was not measured twice"
    signs = ("✓ fixed", "✗ broken", "✗ still wrong", "✓ still right")
    assert [found[n] for n in range(4)] == [f"{tokens} · {sign}" for sign in signs]

    linting_editor.insert(evaluated, 0, '{"completion": "ON", "prompt": "lamp 1"}\n')
    linting_editor.replace(evaluated, "lamp 0", "lamp 9")
    moved = await hints_until_known(linting_editor, evaluated, lines(0, 9))
    assert [moved[n].partition(" · ")[2] for n in range(4)] == ["✗ broken", "", "✗ broken", "✗ still wrong"]


async def test_the_hover_and_the_tooltip_say_why(linting_editor: Editor, evaluated: Path) -> None:
    linting_editor.open(evaluated)
    text = await linting_editor.hover_until(evaluated, 0, "learned")
    assert "\n\n**Fixed**: base wrong, tuned right; loss 3.1 → 0.012 a token\n\n" in text
    await hints_until_known(linting_editor, evaluated, lines(0, 9))
    found = await linting_editor.client.text_document_inlay_hint_async(
        types.InlayHintParams(types.TextDocumentIdentifier(evaluated.as_uri()), lines(1, 1))
    )
    (hint,) = found or []
    assert str(hint.tooltip).endswith(
        "In the last evaluation: Broken: base right, tuned wrong; loss 0.012 → 3.1 a token."
    )


async def marks_of(editor: Editor, path: Path, **params: Any) -> list[tuple[int, str]]:
    found = await editor.client.protocol.send_request_async("lintune/marks", {"uri": path.as_uri(), **params})
    return [(one.line, one.mark) for one in found.marks]


@pytest.mark.asyncio(loop_scope="function")
async def test_a_client_that_draws_them_asks_for_marks(new_editor: Editor, evaluated: Path) -> None:
    await new_editor.start(evaluated.parent, {"evalMarks": True})
    new_editor.open(evaluated)
    known = [(0, "fixed"), (1, "broken"), (2, "still wrong"), (3, "still right")]
    assert await marks_of(new_editor, evaluated) == known
    some = {"start": {"line": 1, "character": 0}, "end": {"line": 3, "character": 0}}
    assert await marks_of(new_editor, evaluated, range=some) == known[1:3]
    hints = await hints_until_known(new_editor, evaluated, lines(0, 9))
    assert not any("fixed" in hint for hint in hints.values()), "the drawing says it"

    new_editor.insert(evaluated, 0, '{"completion": "ON", "prompt": "lamp 3"}\n')
    new_editor.replace(evaluated, "lamp 0", "lamp 9")
    moved = [(0, "still right"), (2, "broken"), (3, "still wrong"), (4, "still right")]
    assert await marks_of(new_editor, evaluated) == moved
    with pytest.raises(JsonRpcException, match="Open a data set"):
        await marks_of(new_editor, evaluated.with_name("recipe.yaml"))
