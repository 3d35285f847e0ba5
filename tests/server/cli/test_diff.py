"""`lintune diff`: two versions of a data set."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lintune_server.cli.terminal import cells
from lintune_server.lint.comparing import changed_fields

if TYPE_CHECKING:
    from .command import Command

SCHEMA = json.loads(files("lintune_schemas").joinpath("json/diff-report.schema.json").read_text())
RECIPE = "base_model: smollm2-135m-instruct\ndatasets: [{path: new.jsonl}]\n"
SUBJECTS = ["bees", "rivers", "violins", "glaciers", "bridges", "candles", "harbours", "lanterns", "orchards", "kites"]


def sample(number: int, **more: object) -> dict:
    subject = SUBJECTS[number % 10]
    question = f"Question {number}: what is known of {subject} by those who look after {subject}?"
    answer = f"Of {subject} it is said in book {number} that they are worth a second look every {number + 2} days."
    return {"prompt": question, "completion": answer, **more}


def lines(samples: list[dict]) -> str:
    return "".join(json.dumps(one) + "\n" for one in samples)


def report(run: Command, old: list[dict], new: list[dict]) -> dict:
    run.write("old.jsonl", lines(old))
    run.write("new.jsonl", lines(new))
    found = json.loads(run("diff", "old.jsonl", "new.jsonl", "--json").out)
    Draft202012Validator(SCHEMA).validate(found)
    return found


@pytest.fixture
def old() -> list[dict]:
    return [sample(number) for number in range(30)]


def test_no_change(run: Command, old: list[dict]):
    found = report(run, old, old)
    assert (found["unchanged"], found["moved"]) == (30, 0)
    assert (
        found["edited"] == found["added"] == found["removed"] == found["new_findings"] == found["gone_findings"] == []
    )


def test_layout_is_no_change(run: Command, old: list[dict]):
    found = report(run, old, [dict(reversed(one.items())) for one in old])
    assert found["unchanged"] == 30


def test_added_removed_and_moved(run: Command, old: list[dict]):
    found = report(run, old, [old[9], *old[:5], *old[6:9], *old[10:], sample(99)])
    assert (found["unchanged"], found["moved"]) == (29, 1)
    assert [one["line"] for one in found["removed"]] == [6]
    assert [one["line"] for one in found["added"]] == [30]


def test_an_edited_answer_is_matched_by_its_prompt(run: Command, old: list[dict]):
    found = report(run, old, [*old[:3], {**old[3], "completion": "Something else altogether."}, *old[4:]])
    (edit,) = found["edited"]
    assert (edit["old_line"], edit["new_line"], edit["fields"]) == (4, 4, [["completion"]])
    assert found["added"] == found["removed"] == []


def test_an_edited_prompt_is_matched_by_its_words_wherever_it_is(run: Command, old: list[dict]):
    edited = {**old[3], "prompt": old[3]["prompt"].replace("what is known", "what do we know")}
    found = report(run, old, [*old[:3], *old[4:], edited])
    (edit,) = found["edited"]
    assert (edit["old_line"], edit["new_line"], edit["fields"]) == (4, 30, [["prompt"]])


def test_a_short_one_is_matched_by_its_place(run: Command, old: list[dict]):
    short = {"prompt": "Two and two?", "completion": "It is four."}
    found = report(run, [*old[:3], short, *old[3:]], [*old[:3], {**short, "prompt": "Two plus two?"}, *old[3:]])
    assert [(edit["old_line"], edit["fields"]) for edit in found["edited"]] == [(4, [["prompt"]])]


def test_another_sample_in_the_same_place_is_no_edit(run: Command, old: list[dict]):
    other = {"prompt": "Name the tallest mountain of Peru.", "completion": "Huascarán, in the Cordillera Blanca."}
    found = report(run, old, [*old[:3], other, *old[4:]])
    assert found["edited"] == []
    assert ([one["line"] for one in found["added"]], [one["line"] for one in found["removed"]]) == ([4], [4])


def test_repeated_samples_are_counted(run: Command, old: list[dict]):
    found = report(run, [*old, old[0]], [*old, old[0], old[0]])
    assert (found["unchanged"], len(found["added"])) == (31, 1)


def test_tokens_are_those_of_the_new_ones_model(run: Command, old: list[dict]):
    run.write("recipe.yaml", RECIPE)
    found = report(run, old, [*old, {"prompt": "Hi", "completion": "Hello"}])
    assert found["new"]["tokens"] == found["old"]["tokens"] + found["added"][0]["tokens"]
    assert found["new"]["trained_tokens"] > found["old"]["trained_tokens"]
    assert found["new"]["max"] == found["old"]["max"]


def test_labels(run: Command):
    old = [{"prompt": f"Text number {n}", "completion": "yes" if n % 2 else "no"} for n in range(40)]
    new = [*old[:-1], {**old[-1], "completion": "maybe"}]
    assert report(run, old, new)["labels"] == [
        {"label": "maybe", "old": 0, "new": 1},
        {"label": "no", "old": 20, "new": 20},
        {"label": "yes", "old": 20, "new": 19},
    ]
    printed = run("diff", "old.jsonl", "new.jsonl").out
    assert "labels  3, 2 of them with another count" in printed


def test_findings_follow_their_samples(run: Command, old: list[dict]):
    empty = {**sample(50), "completion": ""}
    gone = {**sample(51), "completion": ""}
    found = report(run, [empty, gone, *old], [*old, empty, {"prompt": "Say something.", "completion": " "}])
    new = [(one["code"], one["line"]) for one in found["new_findings"] if one["code"] == "SF111"]
    assert new == [("SF111", 32)]
    assert [(one["code"], one["line"]) for one in found["gone_findings"] if one["code"] == "SF111"] == [("SF111", 2)]


def test_lines_that_are_no_samples(run: Command, old: list[dict]):
    run.write("old.jsonl", lines(old) + "[1]\n")
    run.write("new.jsonl", "[1]\n[2]\n" + lines(old))
    found = json.loads(run("diff", "old.jsonl", "new.jsonl", "--json").out)
    assert [(one["code"], one["line"]) for one in found["new_findings"]] == [("JL002", 2)]
    assert found["unchanged"] == 30


def test_the_page_fits_80_columns(run: Command, old: list[dict]):
    run.write("recipe.yaml", RECIPE)
    new = [
        {**one, "completion": one["completion"] + " Truly.", f"a_rather_long_name_{n}": 1} for n, one in enumerate(old)
    ]
    report(run, [*old, *(sample(number) for number in range(100, 130))], [*new, {"prompt": "日本" * 60}])
    printed = run("diff", "old.jsonl", "new.jsonl")
    assert (printed.code, printed.err) == (0, "")
    assert max(cells(line) for line in printed.out.splitlines()) <= 80
    assert "and 20 more (--json lists them all)\n\nadded\n" in printed.out


@pytest.mark.parametrize(
    "pair", [("old.jsonl", "none.jsonl"), ("none.jsonl", "new.jsonl"), ("old.jsonl", "recipe.yaml")]
)
def test_one_that_is_not_there(run: Command, old: list[dict], pair: tuple[str, str]):
    run.write("old.jsonl", lines(old))
    run.write("new.jsonl", lines(old))
    refused = run("diff", *pair)
    assert (refused.code, refused.out) == (2, "")
    assert "There is no data set (.jsonl)" in refused.err


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["", "a"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, JSON)
def test_fields_have_changed_where_values_differ(one, other):
    found = list(changed_fields(one, other))
    assert bool(found) == (json.dumps(one, sort_keys=True) != json.dumps(other, sort_keys=True))
    assert len(set(found)) == len(found)
