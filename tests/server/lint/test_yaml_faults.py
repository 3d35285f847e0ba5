"""What is said where a text stops being YAML, and which characters are underlined."""

from __future__ import annotations

import pytest

from lintune_server.lint import yaml_source

CASES = [
    ("a:\n\t- b\n", 1, "\t", "a tab"),
    ("a: 1\r\n\tb: 2\r\n", 1, "\t", "a tab"),
    ("a: |\n x\n\ty\nb: 1", 2, "\t", "a tab"),
    ("<<<<<<< HEAD\na: 1\n=======\na: 2\n>>>>>>> b\n", 0, "<<<<<<< HEAD", "a merge conflict"),
    ("lora_r:16\nb: 1", 0, ":", "a space is missing behind the colon of lora_r"),
    ("a: 1\nlora_r:16\nb: 1", 1, ":", "a space is missing behind the colon of lora_r"),
    ("a: b: c", 0, ":", "a second colon on this line"),
    ("url: https://a.b/c: d\n", 0, ":", "a second colon on this line"),
    ("a: http://x\n  b: 2", 1, "  ", "a has its value on the line above"),
    ("a: 1\n b: 2", 1, " ", "a has its value on the line above"),
    ("a\nb: 1\n", 0, "a", "expected a colon after this key"),
    ("a: 1\nb\n", 1, "b", "expected a colon after this key"),
    ("a:\n  b: 1\n c: 2\n", 2, " ", "indented by 1 space"),
    (" a: 1\nb: 2", 1, "b", "indented by no space"),
    ("d:\n  - path: a\n   type: b\n", 2, "   ", "indented by 3 spaces"),
    ("d:\n  - path: a\n  type: b\n", 2, "  ", "an entry of a list (- ) and a key"),
    ("a: - b", 0, "-", "a list begins on the line below its key"),
    ("x: 1\na: 'x\nb: 2\n", 1, "'x", "this quote is never closed"),
    ("a: [1,2\nb: 3\n", 0, "[1,2", "this list is never closed"),
    ("a: [1 2] 3\n", 0, "3", "text behind a closing bracket"),
    ("a: {b: 1\n", 0, "{b: 1", "this mapping is never closed"),
    ("a: {b: 1, [}\n", 0, "}", "this bracket closes nothing"),
    ("a: [x]]", 0, "]", "this bracket closes nothing"),
    ("}", 0, "}", "this bracket closes nothing"),
    ('a: "😀 x" y', 0, "y", "text behind a closing quote"),
    ('a: "C:\\models"\n', 0, "\\", "use single quotes"),
    ("a: @x\n", 0, "@", "cannot begin a value"),
    ("a: >-x\n  b", 0, "x", "the text begins on the next line"),
    ("a: *x", 0, "*", "has no anchor"),
    ("a: &x 1\nb: &x 2", 1, "&", "give it another name"),
    ("a: {<<: 3}", 0, "3", "“<<” takes a mapping"),
    ("a: !x y", 0, "!x", "tags"),
    ("---\na: 1\n---\nb: 1", 2, "-", "a second document"),
    ("a: 1\n...\nb: 2", 1, "...", "the document ends here"),
    ('a: "\x01"', 0, "\x01", "U+0001"),
]


@pytest.mark.parametrize(("text", "line", "underlined", "said"), CASES)
def test_says_what_is_wrong_where_it_is(text, line, underlined, said):
    with pytest.raises(yaml_source.YamlSyntaxError) as raised:
        yaml_source.parse(text)
    place = raised.value.range
    assert said in raised.value.message
    assert (place.start.line, place.end.line) == (line, line)
    assert text.split("\n")[line][place.start.column : place.end.column] == underlined
