"""Completion inside of samples that are being written. A bar marks the cursor; what is taken replaces its word."""

from pathlib import Path

import pytest
from lsprotocol import types

from .editor import Editor

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.fixture
def editor(linting_editor: Editor) -> Editor:
    return linting_editor


CHAT = '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
SHAREGPT = '{"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}\n'
TOOLS = (
    '"tools": [{"type": "function", "function": {"name": "lamp", "parameters": {"type": "object", "properties": '
    '{"on": {"type": "boolean"}, "room": {"enum": ["hall", "bad 😀"]}}}}}]'
)


async def offered(
    editor: Editor, folder: Path, marked: str, before: str = CHAT, name: str = "train.jsonl"
) -> dict[str, str]:
    """From each label to the line after it was taken, with the cursor where a snippet puts it."""
    path = folder / name
    line = marked.replace("|", "", 1)
    column = len(marked[: marked.index("|")].encode("utf-16-le")) // 2
    editor.open(path, f"{before}{line}\r\n{before}")
    number = before.count("\n")
    found = await editor.client.text_document_completion_async(
        types.CompletionParams(types.TextDocumentIdentifier(path.as_uri()), types.Position(number, column))
    )
    editor.close(path)
    if found is None:
        return {}
    assert isinstance(found, types.CompletionList)
    return {item.label: taken(line, item, number, column) for item in found.items}


def taken(line: str, item: types.CompletionItem, number: int, column: int) -> str:
    assert isinstance(item.text_edit, types.TextEdit)
    start, end = item.text_edit.range.start, item.text_edit.range.end
    assert start.line == end.line == number
    assert start.character <= column <= end.character
    new = item.text_edit.new_text
    if item.insert_text_format == types.InsertTextFormat.Snippet:
        assert new.count("$0") == 1
        new = new.replace("$0", "|").replace("\\}", "}").replace("\\$", "$").replace("\\\\", "\\")
    data = line.encode("utf-16-le")
    return data[: 2 * start.character].decode("utf-16-le") + new + data[2 * end.character :].decode("utf-16-le")


async def test_roles(editor: Editor, workspace: Path) -> None:
    found = await offered(editor, workspace, '{"messages": [{"content": "😀", "role": "us|"}]}')
    assert list(found) == ["user", "system", "assistant", "tool"]
    assert found["user"] == '{"messages": [{"content": "😀", "role": "user"}]}'
    first = '{"messages": [{"role": "user", "content": "\\"😀"}, {"role": '
    assert next(iter((await offered(editor, workspace, f"{first}|")).values())) == f'{first}"assistant"'
    assert next(iter((await offered(editor, workspace, f'{first}"as|')).values())) == f'{first}"assistant"'
    called = '{"messages": [{"role": "assistant", "tool_calls": [{"id": "c1"}]}, {"role": "|"}]}'
    assert next(iter(await offered(editor, workspace, called))) == "tool"
    open_text = await offered(editor, workspace, '{"messages": [{"role": "us|, "content": "a"}]}')
    assert open_text["user"] == '{"messages": [{"role": "user", "content": "a"}]}'


async def test_roles_are_those_of_the_format(editor: Editor, workspace: Path) -> None:
    found = await offered(editor, workspace, '{"conversations": [{"from": "|"}]}', SHAREGPT)
    assert list(found) == ["human", "system", "gpt", "observation"]
    recipe = workspace / "recipe.yaml"
    fields = "    field_messages: talk\n    message_property_mappings: {role: who, content: says}\n"
    recipe.write_text(recipe.read_text().replace("path: train.jsonl\n", f"path: train.jsonl\n{fields}"))
    before = '{"talk": [{"who": "human", "says": "a"}, {"who": "gpt", "says": "b"}]}\n'
    path = workspace / "train.jsonl"
    editor.open(path, before)
    await editor.hover_until(path, 0, "Sample")
    editor.close(path)
    assert "human" in await offered(editor, workspace, '{"talk": [{"who": "|"}]}', before)


async def test_keys(editor: Editor, workspace: Path) -> None:
    found = await offered(editor, workspace, '{"messages": [{"role": "user", "co|"}]}')
    assert list(found) == ["content", "name"], "what is there already, and what only others have, is left out"
    assert found["content"] == '{"messages": [{"role": "user", "content": "|"}]}'
    found = await offered(editor, workspace, '{"messages": [{"role": "assistant", |')
    assert found["weight"] == '{"messages": [{"role": "assistant", "weight": 0'
    assert {"content", "tool_calls", "reasoning_content"} <= found.keys()
    found = await offered(editor, workspace, '{"messages": [{|"content": "a"}]}')
    assert found["role"] == '{"messages": [{"role": "|", "content": "a"}]}'
    found = await offered(editor, workspace, '{"messages": [{"ro|": "user"}]}')
    assert found["role"] == '{"messages": [{"role": "user"}]}'
    found = await offered(editor, workspace, "{|}")
    assert list(found) == ["system", "messages", "tools", "parallel_tool_calls", "_lintune_ignore"]
    assert found["messages"].startswith('{"messages": [{"role": "user", "content": "|"}, {"role": "assistant"')


async def test_keys_of_other_formats(editor: Editor, workspace: Path) -> None:
    samples = {
        '{"instruction": "a", "input": "b", "output": "c"}\n': ["system", "input", "output"],
        '{"instruction": "a", "output": "c"}\n': ["system", "input", "output"],
        '{"prompt": "a", "chosen": "b", "rejected": "c"}\n': ["system", "prompt", "chosen", "rejected", "tools"],
        '{"prompt": "a", "completion": "b"}\n': ["system", "prompt", "completion", "tools"],
        '{"text": "a"}\n': ["text"],
    }
    for before, keys in samples.items():
        typed = '{"instruction": "x", "|' if "instruction" in before else '{"|'
        found = await offered(editor, workspace, typed, before)
        assert list(found) == [*keys, "_lintune_ignore"]
    segments = '{"segments": [{"label": true, "text": "a"}]}\n'
    assert list(await offered(editor, workspace, '{"segments": [{"|"}]}', segments)) == ["label", "text"]
    assert list(await offered(editor, workspace, '{"segments": [{"label": |}]}', segments)) == ["true", "false"]
    found = await offered(editor, workspace, '{"segments": [|]}', segments)
    assert found["{} read"] == '{"segments": [{"label": false, "text": "|"}]}'


async def test_a_new_file_shows_every_format(editor: Editor, workspace: Path) -> None:
    found = await offered(editor, workspace, "|", "", "new.jsonl")
    assert found["{} chat"] == (
        '{"messages": [{"role": "user", "content": "|"}, {"role": "assistant", "content": ""}]}'
    )
    assert len(found) == 7
    assert {"messages", "conversations", "instruction", "segments", "chosen", "text"} <= (
        await offered(editor, workspace, "{|", "", "new.jsonl")
    ).keys()
    assert list(await offered(editor, workspace, " | ", SHAREGPT)) == ["{} sharegpt"]


async def test_messages(editor: Editor, workspace: Path) -> None:
    found = await offered(editor, workspace, '{"messages": [{"role": "user", "content": "a"}, |]}')
    label, line = next(iter(found.items()))
    assert label == "{} assistant"
    assert line == '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "|"}]}'
    found = await offered(editor, workspace, '{"messages": [|{"role": "assistant", "content": "b"}]}')
    assert found["{} user"].startswith('{"messages": [{"role": "user", "content": "|"}, {"role": "assistant"')


async def test_tools(editor: Editor, workspace: Path) -> None:
    start = '{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": '
    found = await offered(editor, workspace, f'{{{TOOLS}, {start[1:]}"|')
    assert list(found) == ["lamp"]
    found = await offered(editor, workspace, f"{start}|}}}}]}}], {TOOLS}}}")
    assert found["lamp"] == f'{start}"lamp"}}}}]}}], {TOOLS}}}'
    call = f'{start}"lamp", "arguments": {{'
    end = f"}}}}}}]}}], {TOOLS}}}"
    found = await offered(editor, workspace, f'{call}"|"{end}')
    assert found == {"on": f'{call}"on": true{end}', "room": f'{call}"room": "|"{end}'}
    assert list(await offered(editor, workspace, f'{call}"on": |{end}')) == ["true", "false"]
    found = await offered(editor, workspace, f'{call}"room": "|"{end}')
    assert found["bad 😀"] == f'{call}"room": "bad 😀"{end}'
    assert list(await offered(editor, workspace, f'{start}"|"}}}}]}}]}}')) == [], "no tool is declared"
    calls = '{"messages": [{"role": "assistant", "tool_calls": [{"id": "c1"}, {"id": "c2"}]}, '
    result = '{"role": "tool", "tool_call_id": "c1"}, {"role": "tool", "tool_call_id": "|'
    assert list(await offered(editor, workspace, calls + result)) == ["c2", "c1"], "the one without a result first"


async def test_calls_that_are_written_as_a_text(editor: Editor, workspace: Path) -> None:
    start = '{"messages": [{"role": "assistant", "tool_calls": [{"function": {"name": "lamp", "arguments": "'
    end = f'"}}}}]}}], {TOOLS}}}'
    found = await offered(editor, workspace, f'{start}{{\\"|\\"}}{end}')
    assert found["room"] == f'{start}{{\\"room\\": \\"|\\"}}{end}'
    found = await offered(editor, workspace, f'{start}{{\\"on\\": |, \\"x\\": 1}}{end}')
    assert found["true"] == f'{start}{{\\"on\\": true, \\"x\\": 1}}{end}'
    found = await offered(editor, workspace, f'{start}{{\\"😀\\": 1, \\"room\\": \\"ba|\\"}}{end}')
    assert found["bad 😀"] == f'{start}{{\\"😀\\": 1, \\"room\\": \\"bad 😀\\"}}{end}'
    found = await offered(editor, workspace, f"{{{TOOLS}, {start[1:]}|")
    assert found == {}
    start = f'{{{TOOLS}, "conversations": [{{"from": "function_call", "value": "{{\\"name\\": \\"'
    found = await offered(editor, workspace, f"{start}|", SHAREGPT)
    assert found["lamp"] == f'{start}lamp\\"'
    found = await offered(editor, workspace, f'{start}lamp\\", \\"arguments\\": {{|', SHAREGPT)
    assert found["on"] == f'{start}lamp\\", \\"arguments\\": {{\\"on\\": true'


async def test_labels_of_a_closed_set(editor: Editor, workspace: Path) -> None:
    labels = ["spam", "ham 😀", "ham 😀"]
    before = "".join(CHAT.replace('"a"', f'"{n}"').replace('"b"', f'"{labels[n % 3]}"') for n in range(30))
    start = '{"messages": [{"role": "user", "content": "31"}, {"role": "assistant", "content": '
    found = await offered(editor, workspace, f'{start}"h|"}}]}}', before)
    assert found == {"ham 😀": f'{start}"ham 😀"}}]}}', "spam": f'{start}"spam"}}]}}'}
    assert await offered(editor, workspace, '{"messages": [{"role": "user", "content": "|"}]}', before) == {}
    assert await offered(editor, workspace, f'{start}"h|"}}]}}') == {}, "the answers are no closed set"
    before = "".join(f'{{"prompt": "{n}", "completion": "{"yes" if n % 2 else "no"}"}}\n' for n in range(30))
    assert list(await offered(editor, workspace, '{"prompt": "a", "completion": |}', before)) == ["no", "yes"]


async def test_weights_and_codes(editor: Editor, workspace: Path) -> None:
    found = await offered(editor, workspace, '{"messages": [{"role": "assistant", "weight": |}]}')
    assert list(found) == ["0", "1"]
    found = await offered(editor, workspace, '{"_lintune_ignore": ["QL402", "QL|"]}')
    assert found["QL405"] == '{"_lintune_ignore": ["QL402", "QL405"]}'
    assert "QL402" not in found
    assert "RC601" not in found


@pytest.mark.parametrize(
    "marked",
    [
        '{"messages": [{"role": "user", "content": "it is: |"}]}',
        '{"messages": [{"role": "user"|, "content": "a"}]}',
        '{"messages": [{"role": "user", "content": "a"} |',
        '{"messages" |',
        '{"messages": 12|}',
        '"us|er"',
        '[[[[{"a|"',
        '{"note": {"|',
        "}}}]]] ,, : |",
    ],
)
async def test_where_nothing_fits(editor: Editor, workspace: Path, marked: str) -> None:
    found = await offered(editor, workspace, marked)
    assert (
        set(found) <= {"user", "system", "assistant", "tool"} if "role" in marked and "ud83d" in marked else not found
    )


async def test_odd_places(editor: Editor, workspace: Path) -> None:
    path = workspace / "train.jsonl"
    editor.open(path)
    for uri, line, column in [(path.as_uri(), 99, 0), ((workspace / "closed.jsonl").as_uri(), 0, 0)]:
        found = await editor.client.text_document_completion_async(
            types.CompletionParams(types.TextDocumentIdentifier(uri), types.Position(line, column))
        )
        assert found is None
