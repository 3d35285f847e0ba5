"""Completion in recipes, over the wire. `¦` is the cursor."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


async def completions(editor: Editor, path: Path, marked: str) -> list[types.CompletionItem]:
    before, _, after = marked.partition("¦")
    editor.open(path, before + after)
    line = before.count("\n")
    column = len(before[before.rfind("\n") + 1 :].encode("utf-16-le")) // 2
    found = await editor.client.text_document_completion_async(
        types.CompletionParams(types.TextDocumentIdentifier(path.as_uri()), types.Position(line, column))
    )
    if found is None:
        return []
    assert isinstance(found, types.CompletionList)
    return list(found.items)


async def labels(editor: Editor, path: Path, marked: str) -> list[str]:
    return [item.label for item in await completions(editor, path, marked)]


async def taken(editor: Editor, path: Path, marked: str, label: str) -> str:
    """The text after a completion was taken; `$0` is where a snippet leaves the cursor."""
    item = next(item for item in await completions(editor, path, marked) if item.label == label)
    assert isinstance(item.text_edit, types.TextEdit)
    place = item.text_edit.range
    assert place.start.line == place.end.line
    lines = editor.text(path).splitlines(keepends=True) or [""]
    lines += [""] if place.start.line == len(lines) else []
    units = lines[place.start.line].encode("utf-16-le")
    new = item.text_edit.new_text.encode("utf-16-le")
    changed = units[: 2 * place.start.character] + new + units[2 * place.end.character :]
    lines[place.start.line] = changed.decode("utf-16-le")
    return "".join(lines)


@pytest.fixture
def recipe(workspace: Path) -> Path:
    (workspace / "data").mkdir()
    (workspace / "data" / "eval set.jsonl").write_text("{}\n")
    (workspace / "data" / "notes.txt").write_text("")
    (workspace / ".hidden").mkdir()
    (workspace / ".hidden" / "x.jsonl").write_text("")
    return workspace / "recipe.yaml"


async def test_keys_of_the_top_level(editor: Editor, recipe: Path) -> None:
    items = await completions(editor, recipe, "base_model: x\n¦\nlora_r: 8\n")
    names = [item.label for item in items]
    assert names[:3] == ["adapter", "load_in_4bit", "datasets"], "what most recipes have comes first"
    assert not {"base_model", "lora_r"} & set(names), "they are there already"
    alpha = next(item for item in items if item.label == "lora_alpha")
    assert alpha.detail == "whole number, default 32"
    assert isinstance(alpha.documentation, types.MarkupContent)
    assert alpha.documentation.value.startswith("How strongly the adapter acts")
    assert await labels(editor, recipe, "base_model: x\nlora_al¦\n") != []


async def test_more_keys_come_as_one_types(editor: Editor, recipe: Path) -> None:
    before, _, after = "base_model: x\n¦".partition("¦")
    editor.open(recipe, before + after)
    found = await editor.client.text_document_completion_async(
        types.CompletionParams(types.TextDocumentIdentifier(recipe.as_uri()), types.Position(1, 0))
    )
    assert isinstance(found, types.CompletionList)
    assert found.is_incomplete
    assert len(found.items) == 150
    assert "flash_attention" in await labels(editor, recipe, "base_model: x\nflash_att¦")


async def test_deprecated_keys_are_marked(editor: Editor, recipe: Path) -> None:
    items = await completions(editor, recipe, "base_model: x\nflash_attention¦")
    (item,) = [item for item in items if item.label == "flash_attention"]
    assert list(item.tags or []) == [types.CompletionItemTag.Deprecated]


@pytest.mark.parametrize(
    ("marked", "label", "text"),
    [
        ("lora¦", "lora_r", "lora_r: "),
        ("lora_¦: 8", "lora_r", "lora_r: 8"),
        ("a: 1\nlintune¦\n", "lintune", "a: 1\nlintune:\n  \n"),
        ("a: 1\ndata¦\n", "datasets", "a: 1\ndatasets:\n  - path: \n"),
        ("lora_target_mod¦", "lora_target_modules", "lora_target_modules: "),
        ("lintune:\n  ¦", "export", "lintune:\n  export:\n    "),
        ("lintune:\n  export:\n    ¦", "gguf", "lintune:\n  export:\n    gguf: [$0]"),
        ("lintune: {tr¦}", "train_on_save", "lintune: {train_on_save: }"),
        ("datasets:\n  ¦", "path", "datasets:\n  - path: "),
        ("datasets:\n  -¦", "path", "datasets:\n  - path: "),
        ("datasets:\n  - path: a\n    ty¦\n", "type", "datasets:\n  - path: a\n    type: \n"),
        ("adapter:¦", "qlora", "adapter: qlora"),
        ("adapter: ¦lora  # four bits", "qlora", "adapter: qlora  # four bits"),
        ("load_in_4bit: ¦", "true", "load_in_4bit: true"),
        ("chat_template: 'chat¦", "chatml", "chat_template: 'chatml'"),
        ("sequence_len: ¦", "512", "sequence_len: 512"),
        ("lora_target_modules: ¦", "all-linear", "lora_target_modules: all-linear"),
        ("lintune: {export: {gguf: ¦}}", "q8_0", "lintune: {export: {gguf: [q8_0]}}"),
        ("lintune:\n  export:\n    gguf:\n      ¦", "q8_0", "lintune:\n  export:\n    gguf:\n      - q8_0"),
        ("lintune:\n  lint: {ignore: [Q¦]}", "QL408", "lintune:\n  lint: {ignore: [QL408]}"),
        ("datasets:\n  - path: ¦", "train.jsonl", "datasets:\n  - path: train.jsonl"),
        ("datasets:\n  - path: data/¦", "data/eval set.jsonl", "datasets:\n  - path: data/eval set.jsonl"),
        ("datasets: [{path: '¦'}]", "data/eval set.jsonl", "datasets: [{path: 'data/eval set.jsonl'}]"),
        ("datasets:\n  - path: '¦", "data/", "datasets:\n  - path: 'data/"),
        ("x: 😀\nbase_model: smol¦", "smollm2-135m-instruct", "x: 😀\nbase_model: smollm2-135m-instruct"),
        ("{x: 😀, base_model: smol¦}", "smollm2-135m-instruct", "{x: 😀, base_model: smollm2-135m-instruct}"),
    ],
)
async def test_what_is_written(editor: Editor, recipe: Path, marked: str, label: str, text: str) -> None:
    assert await taken(editor, recipe, marked, label) == text


async def test_a_value_that_yaml_would_misread_is_quoted(editor: Editor, recipe: Path) -> None:
    for name in ("1.jsonl: x.jsonl", "a, b.jsonl"):
        (recipe.parent / name).write_text("{}\n")
    written = await taken(editor, recipe, "datasets:\n  - path: ¦", "1.jsonl: x.jsonl")
    assert written == 'datasets:\n  - path: "1.jsonl: x.jsonl"'
    assert await taken(editor, recipe, "datasets:\n  - path: ¦", "a, b.jsonl") == "datasets:\n  - path: a, b.jsonl"
    written = await taken(editor, recipe, "datasets: [{path: ¦}]", "a, b.jsonl")
    assert written == 'datasets: [{path: "a, b.jsonl"}]'


async def test_data_sets_beside_the_recipe(editor: Editor, recipe: Path) -> None:
    found = await labels(editor, recipe, "datasets:\n  - path: ¦")
    assert found == ["train.jsonl", "data/eval set.jsonl", "data/"]
    assert await labels(editor, recipe, "datasets:\n  - path: ../¦") == ["../my workspace/"]
    assert await labels(editor, recipe, "datasets:\n  - path: nowhere/¦") == []
    assert await labels(editor, recipe, "datasets:\n  - path: 'a\0b/¦") == []


async def test_keys_of_the_samples(editor: Editor, recipe: Path) -> None:
    entry = "datasets:\n  - path: train.jsonl\n    type: chat_template\n"
    found = await completions(editor, recipe, f"{entry}    field_messages: ¦\n")
    assert [item.label for item in found] == ["messages", "role", "content"]
    assert found[0].detail == "a key of the samples in train.jsonl"
    mappings = f"{entry}    message_property_mappings: {{role: r¦}}\n"
    assert await labels(editor, recipe, mappings) == ["role"]
    assert await labels(editor, recipe, "datasets:\n  - path: gone.jsonl\n    field_messages: ¦\n") == []


async def test_modules_are_those_of_the_model(editor: Editor, recipe: Path) -> None:
    modules = "base_model: smollm2-135m-instruct\nlora_target_modules: [q_proj, ¦]"
    found = await completions(editor, recipe, modules)
    assert [item.label for item in found] == ["k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    assert found[0].detail == "576 × 192 in each of 30 layers"
    assert await labels(editor, recipe, "base_model: no/where\nlora_target_modules: [¦]") == []


async def test_base_models(editor: Editor, recipe: Path) -> None:
    own = recipe.parent / "models" / "mine"
    own.mkdir(parents=True)
    sizes = '"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 4, "num_key_value_heads": 4'
    config = f'{{"model_type": "llama", "num_hidden_layers": 2, "vocab_size": 1000, {sizes}}}'
    (own / "config.json").write_text(config)
    items = await completions(editor, recipe, "base_model: ¦")
    names = [item.label for item in items]
    assert names[:2] == ["models/mine", "smollm2-135m-instruct"]
    assert {"Qwen/Qwen2.5-0.5B-Instruct", "google/gemma-3-1b-it", "microsoft/Phi-3.5-mini-instruct"} < set(names)
    starter = next(item for item in items if item.label == "meta-llama/Llama-3.2-1B-Instruct")
    assert isinstance(starter.documentation, types.MarkupContent)
    page = starter.documentation.value
    for words in ("1.24B parameters", "context of 131,072 tokens", "Licence: llama3.2", "fits on 8, 16 and 24 GB"):
        assert words in page
    assert await labels(editor, recipe, "base_model: ./models/¦") == ["./models/mine", "./models/mine/"]


async def test_nothing_where_nothing_fits(editor: Editor, recipe: Path) -> None:
    for marked in ("# ¦", "base_model: x ¦", "chat_template_jinja: |\n  ¦", "no_such_key: ¦", "seed: 7¦"):
        assert await labels(editor, recipe, marked) == [], marked
    assert await labels(editor, recipe.parent / "compose.yaml", "serv¦") == []


async def test_positions_outside_the_text(editor: Editor, recipe: Path) -> None:
    editor.open(recipe, "base_model: x\n")
    for line, character in ((0, 9_999), (99, 0), (1, 5)):
        await editor.client.text_document_completion_async(
            types.CompletionParams(types.TextDocumentIdentifier(recipe.as_uri()), types.Position(line, character))
        )
    assert await editor.hover(recipe, 0) is not None
