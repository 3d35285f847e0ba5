"""What an edit makes of a line, in examples: what was not edited stays as it is written."""

import pytest

from lintune_schemas import exact_json, layouts
from lintune_schemas.samples import LAYOUTS, SampleFormat
from lintune_server.sample_text import opening, writing
from lintune_server.sample_text.document import UnreadableError
from lintune_server.sample_text.json_edit import Style

CHAT = LAYOUTS[SampleFormat.CHAT]
LINE = (
    r'{"id":1.50,  "messages": [{"role": "user", "content": "Caf\u00e9 \/ bar?"}, '
    r'{"content": "na\u00efve", "role": "assistant", "weight":1.0}] , "tags":["a" ,"b"]}'
)


def document(line: str) -> str:
    return opening.open_line(line, None, number=0).markdown


def edited(line: str, *changes: tuple[str, str]) -> str:
    markdown = document(line)
    for old, new in changes:
        assert markdown.count(old) == 1, markdown
        markdown = markdown.replace(old, new)
    return opening.edited(line, None, markdown, Style())


def test_a_document_is_read_like_a_conversation() -> None:
    assert document(LINE) == (
        '---\nid: 1.50\ntags: ["a", "b"]\n---\n\n'
        "<!-- Each heading begins a message: # system, # user, # assistant, # tool. -->\n\n"
        "# user\n\nCafé / bar?\n\n# assistant\n- weight: 1.0\n\nnaïve\n"
    )


def test_the_rest_of_a_text_keeps_its_escapes() -> None:
    assert edited(LINE, ("bar?", "bär?")) == LINE.replace("bar?", r"b\u00e4r?")
    assert edited(LINE, ("Café /", "The café /")) == LINE.replace(r"Caf\u00e9", r"The caf\u00e9")


def test_a_key_below_a_heading() -> None:
    assert edited(LINE, ("- weight: 1.0", "- weight: 0")) == LINE.replace("1.0", "0")
    assert edited(LINE, ("# user\n", '# user\n- name: "Zoë"\n')) == LINE.replace(
        r'bar?"}', r'bar?", "name":"Zo\u00eb"}'
    )


def test_a_new_message_is_written_like_its_neighbours() -> None:
    after = edited(LINE, ("naïve\n", "naïve\n\n# user\n\nÇa va?\n\n# assistant\n\nOui.\n"))
    assert exact_json.loads(after)["messages"][2:] == [
        {"role": "user", "content": "Ça va?"},
        {"role": "assistant", "content": "Oui."},
    ]
    assert after.startswith(LINE[: LINE.index('] , "tags"')])
    added = r', {"role": "user", "content": "\u00c7a va?"}, {"role": "assistant", "content": "Oui."}]'
    assert after.endswith(added + ' , "tags":["a" ,"b"]}')


def test_a_message_that_is_taken_out() -> None:
    first, twice = '{"role": "system", "content": "A"}', '{"role": "user", "content": "B"}'
    line = f'{{"messages": [{first}, {twice},{twice}]}}'
    assert edited(line, ("# system\n\nA\n\n", "")) == line.replace(f"{first}, ", "")


def test_a_call_of_a_tool() -> None:
    line = (
        r'{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":'
        r'{"name":"get_weather","arguments":"{\"city\": \"Paris\"}"}}]},'
        r'{"role":"tool","tool_call_id":"c1","content":"21"}]}'
    )
    assert '## call get_weather\n- id: "c1"\n- type: "function"\n\n```json text\n{"city": "Paris"}\n```\n' in document(
        line
    )
    assert edited(line, ("Paris", "Rome"), ("call get_weather", "call look")) == line.replace("Paris", "Rome").replace(
        "get_weather", "look"
    )


def test_a_value_in_a_block_of_json() -> None:
    line = (
        '{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f","strict":true,'
        '"parameters":{"type":"object" ,"properties":{"n":{"type":"number","maximum":1.0e3,'
        '"description":"how \\u00e9"}}}}}]}'
    )
    assert edited(line, ('"maximum": 1.0e3', '"maximum": 2e3')) == line.replace("1.0e3", "2e3")


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("# user\n", "# usre\n"), 8, "Write “# user”"),
        (("# user\n", "# User\n"), 8, "Write “# user”"),
        (("# user\n", "# human\n"), 8, "Write “# user”"),
        (("- weight: 1.0", "- weight: one"), 13, "The value of “weight” is no JSON"),
        (("- weight: 1.0", "- weight"), 13, "Leave an empty line before a text."),
        (("id: 1.50", "id 1.50"), 2, "“id 1.50” is no key with a value"),
        (("---\n\n<!--", "\n\n<!--"), 6, "is no key with a value"),
        (("# user\n", "Hello\n# user\n"), 8, "stands before the first heading"),
        (("# assistant\n", '# assistant\n- role: "user"\n'), 13, "The key “role” is there twice"),
        (
            ("# assistant\n", "## text\n\nX\n\n# assistant\n"),
            10,
            "This text stands between a heading and the parts below it",
        ),
    ],
)
def test_what_to_mend(change: tuple[str, str], line: int, says: str) -> None:
    with pytest.raises(UnreadableError, match=says) as error:
        edited(LINE, change)
    assert error.value.line + 1 == line


def test_other_headings_belong_to_texts() -> None:
    text = "# Steps\n\n## User guide\n\n```python\n# the user\nprint()\n```"
    sample = {"messages": [{"role": "assistant", "content": text}]}
    assert writing.written(sample, opening.grammar_of(sample, CHAT)).endswith(f"# assistant\n\n{text}\n")


@pytest.mark.parametrize(
    "name", ["alpaca", "text", "prompt-completion", "preference", "input_output", "sharegpt", "chat"]
)
def test_a_template_of_each_format_can_be_filled_in(name: str) -> None:
    layout = LAYOUTS[SampleFormat(name)]
    markdown = opening.template(layout, [])
    sample = exact_json.loads(opening.new_line(layout, markdown, Style(), None))
    assert layout.required_set <= sample.keys()
    assert layouts.detect(sample) is layout
