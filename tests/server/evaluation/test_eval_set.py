"""Which samples a run is evaluated with, what is asked of each, and what is said when they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from lintune_schemas import run_evaluation, runs
from lintune_schemas.errors import LintuneError
from lintune_server.evaluation import eval_set
from lintune_server.training import records

from .conftest import TRAIN

if TYPE_CHECKING:
    from .conftest import Workspace

CHAT = {
    "messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Two and two?"},
        {"role": "assistant", "content": "Four."},
        {"role": "user", "content": "And two?"},
        {"role": "assistant", "content": "Six."},
    ]
}


def test_models_are_asked_what_training_showed_them(workspace: Workspace) -> None:
    (sample,) = workspace.eval_set(workspace.trained([CHAT])).samples
    assert sample.question == "And two?"
    assert sample.reference == "Six."
    assert sample.prompt is not None and sample.prompt.endswith(
        "<|im_start|>user\nAnd two?<|im_end|>\n<|im_start|>assistant\n"
    )
    assert sample.whole.ids[: len(sample.prompt_ids)] == sample.prompt_ids, "the same tokens as in training"
    learned = [sample.whole.ids[place] for place in sample.whole.learned]
    assert workspace.chat.tokenizer.decode(learned, skip_special_tokens=False) == "Four.<|im_end|>Six.<|im_end|>"
    assert sample.reference_tokens == workspace.chat.count("Six.")


def test_without_a_chat_template_texts_are_continued(workspace: Workspace) -> None:
    record = workspace.trained()
    (text,) = workspace.eval_set(record, workspace.write("text.jsonl", [{"text": "All of it is learned."}])).samples
    assert text.prompt is None and text.reference is None
    assert text.whole.learned == tuple(range(1, len(text.whole.ids)))
    parts = [{"text": "Q: 1+1\nA:", "label": False}, {"text": " 2", "label": True}]
    (segments,) = workspace.eval_set(record, workspace.write("parts.jsonl", [{"segments": parts}])).samples
    assert (segments.prompt, segments.reference) == ("Q: 1+1\nA:", " 2")


def test_a_pair_has_both_answers(workspace: Workspace) -> None:
    pair = {"prompt": "Lamp on?", "chosen": "Yes, it is.", "rejected": "No."}
    workspace.write("train.jsonl", [pair])
    (sample,) = workspace.eval_set(workspace.trained([pair], rl="dpo")).samples
    assert sample.reference == "Yes, it is."
    assert sample.rejected is not None
    learned = [sample.rejected.ids[place] for place in sample.rejected.learned]
    assert workspace.chat.tokenizer.decode(learned, skip_special_tokens=True) == "No."


def test_long_samples_are_cut_where_training_cuts_them(workspace: Workspace) -> None:
    (sample,) = workspace.eval_set(workspace.trained([CHAT], sequence_len=32)).samples
    assert len(sample.whole.ids) == 32
    assert max(sample.whole.learned) < 32


class TestWhichSamples:
    def test_those_that_the_trainer_measured(self, workspace: Workspace) -> None:
        record = workspace.trained()
        workspace.measured(record, "eval.jsonl", [3, 1])
        assert [sample.line for sample in workspace.eval_set(record).samples] == [1, 3]

    def test_those_that_were_held_out_of_the_training_data(self, workspace: Workspace) -> None:
        record = workspace.trained(test_datasets=[], val_set_size=0.5)
        workspace.measured(record, "train.jsonl", [2, 4])
        found = workspace.eval_set(record)
        assert [(sample.path, sample.line) for sample in found.samples] == [("train.jsonl", 2), ("train.jsonl", 4)]
        assert found.data == ("train.jsonl",)

    def test_all_of_another_file(self, workspace: Workspace) -> None:
        record = workspace.trained()
        other = workspace.write("other.jsonl", [*TRAIN, {"prompt": "Why?", "completion": "Because."}])
        found = workspace.eval_set(record, other)
        assert (len(found.samples), found.data) == (5, ("other.jsonl",))

    def test_as_they_were_when_the_file_was_edited_since(self, workspace: Workspace) -> None:
        record = workspace.trained()
        workspace.write("eval.jsonl", [{"prompt": "Other?", "completion": "Other."}])
        assert [sample.question for sample in workspace.eval_set(record).samples] == [one["prompt"] for one in TRAIN]

    def test_where_the_copy_is_gone_those_that_the_file_still_has(self, workspace: Workspace) -> None:
        record = workspace.trained()
        workspace.measured(record, "eval.jsonl", [1, 2, 3, 4])
        for copy in runs.snapshots_folder(workspace.folder).iterdir():
            copy.unlink()
        workspace.write("eval.jsonl", [{"prompt": "New?", "completion": "New."}, TRAIN[3], TRAIN[0]])
        found = workspace.eval_set(record)
        assert sorted((sample.line, sample.question) for sample in found.samples) == [
            (1, "Lamp 0 on, please."),
            (4, "Lamp 3 on, please."),
        ]
        assert [(one.line, one.reason.split(" since")[0]) for one in found.left_out] == [
            (2, "it was edited or deleted"),
            (3, "it was edited or deleted"),
        ]

    def test_some_at_random_are_the_same_for_the_same_seed(self, workspace: Workspace) -> None:
        samples = workspace.eval_set(
            workspace.trained([{**TRAIN[0], "number": number} for number in range(40)])
        ).samples
        some = eval_set.some(samples, 10, 3)
        assert some == eval_set.some(samples, 10, 3) != eval_set.some(samples, 10, 4)
        assert [sample.line for sample in some] == sorted(sample.line for sample in some)
        assert eval_set.some(samples, 99, 0) == list(samples)


class TestWhatIsSaid:
    def refused(self, workspace: Workspace, words: str, **recipe: object) -> None:
        with pytest.raises(LintuneError, match=words):
            workspace.eval_set(workspace.trained(**recipe))

    def test_of_a_run_without_an_eval_set(self, workspace: Workspace) -> None:
        self.refused(workspace, r"has no eval set\. Give a file .* with --data", test_datasets=[])

    def test_of_data_that_is_gone(self, workspace: Workspace) -> None:
        record = workspace.trained(snapshots=False)
        (workspace.folder / "eval.jsonl").unlink()
        with pytest.raises(LintuneError, match=r"is gone: both eval\.jsonl and the copy .* or give another one"):
            workspace.eval_set(record)

    def test_of_samples_that_are_all_gone(self, workspace: Workspace) -> None:
        record = workspace.trained(snapshots=False)
        workspace.measured(record, "eval.jsonl", [1, 2])
        workspace.write("eval.jsonl", [{"prompt": "New?", "completion": "New."}])
        with pytest.raises(LintuneError, match=r"No sample of eval\.jsonl can be evaluated with: it was edited"):
            workspace.eval_set(record)

    def test_of_a_lock_that_cannot_be_read(self, workspace: Workspace) -> None:
        folder = workspace.trained().folder
        (folder / runs.DATASET_LOCK).write_text("{")
        with pytest.raises(LintuneError, match=r"no dataset\.lock\.json that can be read"):
            workspace.eval_set(records.read(folder))

    def test_of_samples_without_an_answer(self, workspace: Workspace) -> None:
        samples = [CHAT, {"messages": [{**CHAT["messages"][1]}, {**CHAT["messages"][2], "weight": 0}]}]
        found = workspace.eval_set(workspace.trained(samples))
        assert len(found.samples) == 1
        assert [(one.line, one.reason) for one in found.left_out] == [(2, "it has no answer to compare with")]

    def test_of_answers_beyond_sequence_len(self, workspace: Workspace) -> None:
        long = workspace.write("long.jsonl", [{"prompt": "very " * 50, "completion": "Yes."}, TRAIN[0]])
        found = workspace.eval_set(workspace.trained(sequence_len=48), long)
        assert [(one.line, one.reason) for one in found.left_out] == [
            (1, "sequence_len (48) cuts all of its answer off")
        ]

    def test_of_samples_over_the_context(self, workspace: Workspace) -> None:
        samples = workspace.eval_set(workspace.trained()).samples
        needed = samples[0].longest
        assert not list(eval_set.left_out(samples[:1], needed))
        (one,) = eval_set.left_out(samples[:1], needed - 1)
        assert one.reason == f"it has {needed} tokens, and the context holds {needed - 1}"

    def test_a_damaged_eval_json_is_as_none(self, workspace: Workspace) -> None:
        record = workspace.trained()
        (record.folder / run_evaluation.FILE).write_text("{}")
        assert len(workspace.eval_set(record).samples) == 4
