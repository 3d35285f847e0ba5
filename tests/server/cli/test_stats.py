"""`lintune stats`: what it counts, against counting by hand; its page and its JSON."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from lintune_server.cli.terminal import cells
from lintune_server.lint import statistics
from lintune_server.lint.context import context_for
from lintune_server.lint.dataset import DatasetLinter

from .command import GPT, Command

SCHEMA = json.loads(files("lintune_schemas").joinpath("json/stats-report.schema.json").read_text())
RECIPE = "base_model: smollm2-135m-instruct\ndatasets: [{path: a.jsonl}]\nsequence_len: 64\n"


def chat(words: int) -> str:
    question = " ".join(["word"] * words)
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": question},
        {"role": "assistant", "content": "yes" if words % 2 else "no"},
    ]
    return json.dumps({"messages": turns}) + "\n"


@pytest.fixture
def sixty(run: Command) -> Command:
    run.write("recipe.yaml", RECIPE)
    run.write("a.jsonl", "".join(map(chat, range(1, 61))) + GPT)
    return run


def entry(run: Command, *words: str) -> dict:
    report = json.loads(run("stats", "--json", *words).out)
    Draft202012Validator(SCHEMA).validate(report)
    (one,) = report["files"]
    return one


def test_counts_are_exact(sixty: Command):
    one = entry(sixty, "a.jsonl")
    path = sixty.folder / "a.jsonl"
    linter = DatasetLinter(path, context_for(path))
    tokens, trained = [], []
    for line in path.read_text().splitlines()[:-1]:
        tokenized = linter.inspect(line).tokenized
        tokens.append(len(tokenized.ids))
        trained.append(sum(tokenized.trained))
    assert (one["samples"], one["counted"]) == (61, 60)
    assert one["tokens"]["total"] == sum(tokens)
    assert (one["tokens"]["min"], one["tokens"]["max"]) == (min(tokens), max(tokens))
    assert one["tokens"]["p50"] == sorted(tokens)[29]
    assert one["trained_tokens"]["total"] == sum(trained)
    assert sum(bucket["samples"] for bucket in one["histogram"]) == 60
    for cut in one["cuts"]:
        longer = [count for count in tokens if count > cut["sequence_len"]]
        assert cut["samples"] == len(longer)
        assert cut["tokens"] == sum(longer)
        assert cut["tokens_beyond"] == sum(count - cut["sequence_len"] for count in longer)
    assert 64 in [cut["sequence_len"] for cut in one["cuts"]]
    assert one["cuts"][-1]["samples"] == 0


def test_roles_and_labels(sixty: Command):
    one = entry(sixty, "a.jsonl")
    roles = {role["role"]: role for role in one["roles"]}
    assert list(roles) == ["system", "user", "assistant", "unknown"]
    assert roles["system"] == {"role": "system", "texts": 60, "learned": 0, "characters": 60 * len("Be brief.")}
    assert (roles["user"]["texts"], roles["assistant"]["learned"]) == (61, 60)
    assert one["labels"] == [{"label": "yes", "samples": 30}, {"label": "no", "samples": 30}]


def test_the_page_fits_80_columns_and_says_it_all(sixty: Command):
    printed = sixty("stats", "a.jsonl")
    assert (printed.code, printed.err) == (0, "")
    assert max(cells(line) for line in printed.out.splitlines()) <= 80
    assert "chat · smollm2-135m-instruct" in printed.out
    assert "not counted              1  sample with errors of format" in printed.out
    assert "  the recipe's" in printed.out
    assert "tokens dropped" in printed.out
    sixty.write("recipe.yaml", RECIPE + "excess_length_strategy: truncate\n")
    assert "tokens cut off" in sixty("stats", "a.jsonl").out


def test_without_a_recipe_nothing_is_guessed(run: Command):
    run.write("a.jsonl", chat(3))
    one = entry(run, "a.jsonl")
    assert (one["tokens"], one["cuts"], one["histogram"], one["sequence_len"]) == (None, [], [], None)
    assert "not known: There is no recipe" in run("stats", "a.jsonl").out


def test_another_recipe(sixty: Command):
    sixty.write("long.recipe.yaml", RECIPE.replace("64", "4096"))
    assert entry(sixty, "a.jsonl", "--recipe", "long.recipe.yaml")["sequence_len"] == 4096


def test_a_folder(sixty: Command):
    sixty.write("sub/b.jsonl", '{"text": "raw"}\n')
    report = json.loads(sixty("stats", ".", "--json").out)
    assert [(one["path"], one["format"]) for one in report["files"]] == [("a.jsonl", "chat"), ("sub/b.jsonl", "text")]
    assert [role["role"] for role in report["files"][1]["roles"]] == ["text"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("none.jsonl", "There is no none.jsonl"),
        ("recipe.yaml", "recipe.yaml is a recipe"),
        ("list.jsonl", "list.jsonl is no JSON Lines file. See: lintune check list.jsonl"),
    ],
)
def test_what_cannot_be_read_is_told_and_the_rest_is_counted(sixty: Command, path: str, words: str):
    sixty.write("list.jsonl", "[\n" + chat(1) + "]\n")
    printed = sixty("stats", path, "a.jsonl")
    assert printed.code == 2
    assert words in printed.err
    assert printed.out.startswith("a.jsonl\n")


def test_an_empty_file(run: Command):
    run.write("recipe.yaml", RECIPE)
    run.write("a.jsonl", "")
    assert entry(run, "a.jsonl")["samples"] == 0
    assert run("stats", "a.jsonl").code == 0


@given(st.lists(st.integers(1, 5_000) | st.just(1_000_000), min_size=1, max_size=200))
def test_histograms_and_spreads_are_of_all_values(values):
    buckets = statistics.histogram(values)
    assert sum(bucket.samples for bucket in buckets) == len(values)
    for bucket in buckets:
        end = bucket.end or max(values) + 1
        assert bucket.samples == sum(bucket.start <= value < end for value in values)
    assert len(buckets) <= 14
    spread = statistics.spread(values)
    assert spread
    assert spread.total == sum(values)
    for share, value in ((0.5, spread.median), (0.9, spread.p90), (0.99, spread.p99)):
        assert sum(one <= value for one in values) >= share * len(values)
        assert sum(one < value for one in values) < share * len(values)
