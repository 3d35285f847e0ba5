"""Any sample as Markdown and back: what is not edited keeps its bytes, and what is edited says what it should."""

import json

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from lintune_schemas import exact_json, layouts
from lintune_schemas.samples import LAYOUTS
from lintune_server.sample_text import json_edit, opening, reading, writing

pytestmark = pytest.mark.long

PIECES = [
    *("", "a", "Hi.", "café", "🏠", " ", "  ", "\t", "\n", "\n\n", "\r", "\r\n", "\0", "\x85", "\u2028", "\ufeff"),
    *("\ud800", "\udc00", "\ud83d", "\ude00", "\x0c", "\x1b", "\\", "\\\\", "\\u{D}", "\\u{5C}", "\\u{110000}", '"'),
    *("# user", "\n# user\n", "\\# user", "#user", "# User", "## text", "### call f", "# assistent", "# instruction"),
    *("# learned", '# "x"', "# key system", "```", "```json", "```json text\n", "---", "- weight: 0", "- no content"),
    *("<!-- ", "-->", "\n---\n", "# Title\n", "    # output", "`", "id: 17", "/", "\\/"),
]
TEXTS = st.one_of(st.lists(st.sampled_from(PIECES), max_size=6).map("".join), st.text(max_size=8))
"""Also halves of surrogate pairs, as JSON can hold them; two that meet are one character there."""
TEXTS = TEXTS.map(lambda text: json.loads(json.dumps(text)))
NUMBERS = st.sampled_from(["0", "-0", "1.50", "1e5", "1E+5", "12345678901234567890123", "0.1", "-3"])
WHOLE_TEXTS = st.text(max_size=5)


def raw_json(depth: int) -> st.SearchStrategy[object]:
    """Values; numbers are as exact_json reads them."""
    leaves = st.one_of(TEXTS, NUMBERS.map(exact_json.loads), st.booleans(), st.none())
    if not depth:
        return leaves
    deeper = raw_json(depth - 1)
    return st.one_of(leaves, st.lists(deeper, max_size=3), st.dictionaries(KEYS, deeper, max_size=3))


KEYS = st.one_of(st.sampled_from(["id", "source", "name", "weight", "odd key", "a:b", "", "é", "content"]), WHOLE_TEXTS)
VALUES = raw_json(2)
MORE = st.dictionaries(KEYS, VALUES, max_size=2)
CALLS = st.lists(
    st.one_of(
        st.builds(
            lambda name, arguments, more: {**more, "function": {"name": name, "arguments": arguments}},
            st.one_of(st.just("get_weather"), TEXTS),
            st.one_of(st.just('{"city": "Paris"}'), TEXTS, VALUES),
            st.dictionaries(st.sampled_from(["id", "type"]), TEXTS),
        ),
        VALUES,
    ),
    max_size=2,
)
PARTS = st.lists(
    st.one_of(st.builds(lambda text, more: {**more, "type": "text", "text": text}, TEXTS, MORE), VALUES), max_size=3
)


@st.composite
def messages(draw: st.DrawFn, keys: object) -> object:
    if draw(st.integers(0, 9)) == 0:
        return draw(VALUES)
    message = {keys.role: draw(st.one_of(st.sampled_from(sorted(keys.roles)), st.just("bot"), TEXTS))}
    content = draw(st.one_of(TEXTS, TEXTS, PARTS, VALUES))
    if draw(st.integers(0, 5)):
        message[keys.content] = content
    if draw(st.integers(0, 3)) == 0:
        message["tool_calls"] = draw(CALLS)
    message |= {key: value for key, value in draw(MORE).items() if key not in message}
    return dict(draw(st.permutations(list(message.items()))))


ALL_LAYOUTS = [
    *LAYOUTS.values(),
    layouts.CHAT_IN_CONVERSATIONS,
    layouts.SHAREGPT_IN_MESSAGES,
    layouts.PREFERENCE_AFTER_MESSAGES,
    None,
]


@st.composite
def samples(draw: st.DrawFn) -> tuple[dict[str, object], object]:
    """A sample, sound or not, and its file's layout."""
    layout = draw(st.sampled_from(ALL_LAYOUTS))
    sample = dict(draw(MORE))
    for one in layout.fields if layout else ():
        if not one.required and draw(st.booleans()):
            continue
        choices = [VALUES] if draw(st.integers(0, 9)) == 0 else []
        if one.kind.holds_text:
            choices.append(TEXTS)
        if one.kind.holds_messages:
            choices.append(st.lists(messages(layout.message), max_size=4))
        if one.kind.name == "SEGMENTS":
            segment = st.builds(
                lambda label, text, more: {**more, "label": label, "text": text}, st.booleans(), TEXTS, MORE
            )
            choices.append(st.lists(st.one_of(segment, segment, VALUES), max_size=4))
        sample[one.key] = draw(st.one_of(*choices, *([] if choices else [VALUES])))
    return sample, layout


@st.composite
def lines(draw: st.DrawFn, sample: object) -> str:
    """A sample as some program may write it: spaces, escapes, numbers."""
    comma, colon = draw(st.sampled_from([(", ", ": "), (",", ":"), (" , ", " : "), (",\t", ":  ")]))
    escapes = draw(st.booleans())

    def written(value: object) -> str:
        match value:
            case dict():
                return "{" + comma.join(f"{string(key)}{colon}{written(item)}" for key, item in value.items()) + "}"
            case list():
                return "[" + comma.join(map(written, value)) + "]"
            case str():
                return string(value)
        return exact_json.dumps(value)

    def string(text: str) -> str:
        try:
            text.encode()
        except UnicodeEncodeError:
            return json.dumps(text)
        return json.dumps(text, ensure_ascii=escapes).replace("/", "\\/" if escapes else "/")

    return draw(st.sampled_from(["", " "])) + written(sample) + draw(st.sampled_from(["", "  "]))


@st.composite
def written_samples(draw: st.DrawFn) -> tuple[str, object]:
    sample, layout = draw(samples())
    return draw(lines(sample)), layout


@settings(max_examples=500, deadline=None)
@given(written_samples(), st.booleans())
def test_a_document_says_its_sample_and_an_unedited_one_changes_no_byte(written, guard_ends):
    line, layout = written
    sample = exact_json.loads(line)
    grammar = opening.grammar_of(sample, layout)
    try:
        markdown = writing.written(sample, grammar, guard_ends=guard_ends)
    except ValueError as error:
        assert "surrogate pair" in str(error)
        return
    event(grammar.layout.format if grammar.layout else "no format")
    shown = markdown.replace("\n", "")
    assert not any(ord(char) < 32 and char != "\t" for char in shown)
    markdown.encode()
    if not sample:
        return
    assert json_edit.same(reading.read(markdown, grammar).sample, sample)
    assert opening.edited(line, layout, markdown, json_edit.Style()) == line
    if guard_ends:  # as editors do it that trim lines, and the end of the text
        trimmed = "\n".join(part.rstrip(" \t") for part in markdown.split("\n")).rstrip("\n") + "\n"
        assert opening.edited(line, layout, trimmed, json_edit.Style()) == line
    assert opening.edited(line, layout, markdown.replace("\n", "\r\n"), json_edit.Style()) == line
