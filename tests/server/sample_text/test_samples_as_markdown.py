"""Any sample as Markdown and back: what is not edited keeps its bytes, and what is edited says what it should."""

import codecs
import copy
import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from lintune_schemas import exact_json, layouts
from lintune_schemas import samples as samples_module
from lintune_schemas.samples import LAYOUTS
from lintune_server.lint import json_source
from lintune_server.sample_text import data_file, json_edit, opening, reading, writing
from lintune_server.sample_text.data_file import LinesOnDisk

pytestmark = pytest.mark.long

PIECES = [
    *("", "a", "Hi.", "café", "🏠", " ", "  ", "\t", "\n", "\n\n", "\r", "\r\n", "\0", "\x85", "\u2028", "\ufeff"),
    *("\ud800", "\udc00", "\ud83d", "\ude00", "\x0c", "\x1b", "\\", "\\\\", "\\u{D}", "\\u{5C}", "\\u{110000}", '"'),
    *("# user", "\n# user\n", "\\# user", "#user", "# User", "## text", "### call f", "# assistent", "# instruction"),
    *("\n\\\n", "\n\\\\ \n", "\n \n"),
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


SEPARATORS = [
    (st.just(", "), st.just(": ")),
    (st.just(","), st.just(":")),
    (st.sampled_from([",", ", ", " ,\t"]), st.sampled_from([":", " : "])),
]


@st.composite
def lines(draw: st.DrawFn, sample: object) -> str:
    """A sample as some program may write it: spaces, escapes, numbers."""
    commas, colons = draw(st.sampled_from(SEPARATORS))
    escapes = draw(st.booleans())

    def written(value: object) -> str:
        match value:
            case dict():
                members = [f"{string(key)}{draw(colons)}{written(item)}" for key, item in value.items()]
                return joined("{", members, "}")
            case list():
                return joined("[", [written(item) for item in value], "]")
            case str():
                return string(value)
        return exact_json.dumps(value)

    def joined(opening: str, pieces: list[str], closing: str) -> str:
        parts = [opening]
        for number, piece in enumerate(pieces):
            parts += [draw(commas) if number else "", piece]
        return "".join([*parts, closing])

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


NO_SAMPLES = [b"", b"  ", b'{"text": "\xff\xfe"}', b"[1]", b'{"a": 1, "a": 2}', b'{"messages": ["', codecs.BOM_UTF8]


@st.composite
def files(draw: st.DrawFn) -> tuple[list[bytes], list[bytes], int, object]:
    """The lines of a file, their ends, and which of them is edited; around it stands what need not be a sample."""
    line, layout = draw(written_samples())
    others = st.one_of(
        written_samples().map(lambda one: one[0].encode()),
        st.binary(max_size=12).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b"")),
        st.sampled_from(
            [b"", b"  ", b'{"text": "\xff\xfe"}', b"[1]", b'{"a": 1, "a": 2}', b'{"messages": ["', "\ufeff".encode()]
        ),
    )
    before, behind = draw(st.lists(others, max_size=3)), draw(st.lists(others, max_size=3))
    lines = [*before, line.encode(), *behind]
    ends = draw(st.lists(st.sampled_from([b"\n", b"\r\n", b"\n", b"\r"]), min_size=len(lines), max_size=len(lines)))
    if draw(st.booleans()):
        ends[-1] = b""
    if draw(st.booleans()):
        lines[0] = codecs.BOM_UTF8 + lines[0].removeprefix(codecs.BOM_UTF8)
    # A carriage return before an empty line that ends with a line feed would be one line end with it.
    for number in reversed(range(len(ends) - 1)):
        if ends[number] == b"\r" and not lines[number + 1] and ends[number + 1] == b"\n":
            ends[number] = b"\n"
    return lines, ends, len(before), layout


def leaves(text: str, value: object, node: json_source.Node, path: tuple = ()) -> dict[tuple, str]:
    """The bytes of each value that holds no other, by its path."""
    if isinstance(value, dict) and value:
        found = [(key, item) for key, item in value.items()]
    elif isinstance(value, list) and value:
        found = list(enumerate(value))
    else:
        return {path: text[node.start : node.end]}
    return {
        key: raw for name, item in found for key, raw in leaves(text, item, node.at((name,)), (*path, name)).items()
    }


@st.composite
def edits(draw: st.DrawFn, sample: dict[str, object]) -> tuple[object, tuple, str, object]:
    """The sample with one change; where it is, what it was, and what is there now."""
    places: list[tuple[tuple, str]] = []

    def look(value: object, path: tuple) -> None:
        if isinstance(value, str | int | float | None):
            places.append((path, "replace"))
        if isinstance(value, dict):
            for key, item in value.items():
                look(item, (*path, key))
        if isinstance(value, list):
            places.extend(((*path, at), "insert") for at in range(len(value) + 1))
            for at, item in enumerate(value):
                places.append(((*path, at), "remove"))
                look(item, (*path, at))

    look(sample, ())
    assume(places)
    path, kind = draw(st.sampled_from(places))
    changed = copy.deepcopy(sample)
    at = changed
    for key in path[:-1]:
        at = at[key]
    if kind == "replace":
        at[path[-1]] = draw(st.one_of(TEXTS, VALUES))
    elif kind == "insert":
        at.insert(path[-1], draw(st.one_of(VALUES, messages(samples_module.OPENAI_MESSAGE))))
    else:
        del at[path[-1]]
    return changed, path, kind


@settings(max_examples=500, deadline=None)
@given(files(), st.data())
def test_an_edit_changes_one_line_and_in_it_what_was_edited(file, data):
    lines_, ends, number, layout = file
    line = lines_[number].decode().removeprefix("\ufeff")
    sample = exact_json.loads(line)
    assume(sample)
    grammar = opening.grammar_of(sample, layout)
    changed, path, kind = data.draw(edits(sample))
    try:
        markdown = writing.written(changed, opening.grammar_of(sample, layout))
        assert json_edit.same(reading.read(markdown, grammar).sample, changed)
    except ValueError as error:
        assume("surrogate pair" not in str(error))
        raise
    event(kind)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder, "a.jsonl")
        place.write_bytes(b"".join(text + end for text, end in zip(lines_, ends, strict=True)))
        on_disk = LinesOnDisk(place)
        assert [on_disk.raw(at) for at in range(len(lines_))] == [a + b for a, b in zip(lines_, ends, strict=True)]
        found = data_file.find(on_disk, data.draw(st.integers(0, len(on_disk) - 1)), data_file.digest_of(line))
        assume(found == number)  # another line may hold the same
        before = on_disk.text(found)
        after = opening.edited(before, layout, markdown, json_edit.Style())
        data_file.replace(on_disk, found, after)
        written = place.read_bytes()
    head = b"".join(text + end for text, end in zip(lines_[:number], ends, strict=False))
    tail = b"".join(text + end for text, end in zip(lines_[number + 1 :], ends[number + 1 :], strict=True))
    assert written.startswith(head)
    assert written.endswith(ends[number] + tail)
    new = written[len(head) : len(written) - len(ends[number] + tail)].decode()
    assert "\n" not in new and "\r" not in new
    assert json_edit.same(exact_json.loads(new.removeprefix("\ufeff")), changed)
    if json_edit.same(sample, changed):
        assert new == lines_[number].decode()
        return
    outside = path if kind == "replace" else path[:-1]
    node = json_source.scan(before).at(outside)
    assert new.startswith(before[: node.start])
    assert new.endswith(before[node.end :])
    now_there = leaves(new, changed, json_source.scan(new))
    for at, raw in leaves(before, sample, json_source.scan(before)).items():
        now = moved(at, path, kind)
        if now is not None:
            assert now_there[now] == raw


def moved(at: tuple, path: tuple, kind: str) -> tuple | None:
    """Where a value is after an edit at a path; None for what the edit is about, and what was empty before it."""
    if at == path[: len(at)] or (kind != "insert" and at[: len(path)] == path):
        return None
    last = len(path) - 1
    if kind == "replace" or at[:last] != path[:-1] or at[last] < path[-1]:
        return at
    return (*path[:-1], at[last] + (1 if kind == "insert" else -1), *at[len(path) :])
