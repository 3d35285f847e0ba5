"""Defects of the lines and of the file's bytes (JL)."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

from benchmarks.planted import formats
from benchmarks.planted.codes import WARNING
from benchmarks.planted.layout import DataFile, Defect, dump, to_bytes, whole_file
from benchmarks.planted.registry import Garden, plants

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.planted.layout import Folder

BASE = 150
"""Clean lines around the defects that are about single lines."""

FILE_LINES = 15
"""Samples of a file that is a defect as a whole."""


def _each(garden: Garden, times: int, **variants: Callable[[str], str]) -> list[Defect]:
    """Each variant made of `times` clean lines."""
    return [
        garden.defect(name, make(line)) for name, make in variants.items() for line in garden.lines(formats.chat, times)
    ]


def _cut(garden: Garden) -> Callable[[str], str]:
    return lambda line: line[: garden.rng.randrange(60, len(line) - 10)]


@plants("JL001")
def invalid_json(garden: Garden) -> list[Folder]:
    defects = _each(
        garden,
        3,
        missing_comma=lambda line: line.replace('"user", "content"', '"user" "content"'),
        missing_colon=lambda line: line.replace('"role": "assistant"', '"role" "assistant"'),
        missing_quote=lambda line: line.replace('"content": "', '"content": ', 1),
        missing_bracket=lambda line: line.removesuffix("]}") + "}",
        missing_brace=lambda line: line.removesuffix("}"),
        cut_off=_cut(garden),
        one_brace_too_many=lambda line: f"{line}}}",
        bad_unicode_escape=lambda line: line.replace("The answer", "\\u00zzThe answer"),
        raw_tab=lambda line: line.replace("The answer", "\tThe answer"),
        quote_inside=lambda line: line.replace("The answer", 'The "answer'),
        text_before=lambda line: f"data: {line}",
        prose=lambda line: json.loads(line)["messages"][0]["content"],
    )
    # Kinds of broken JSON that other languages allow; JL009 names such things as what they are.
    dialects = _each(
        garden,
        3,
        key_without_quotes=lambda line: line.replace('"messages"', "messages"),
        bad_escape=lambda line: line.replace("The answer", "\\x54he answer"),
        leading_zero=lambda line: line.removesuffix("}") + ', "weight": 007}',
        bare_word=lambda line: line.removesuffix("}") + ', "weight": undefined}',
    )
    dialects = [replace(defect, accept=("JL009",)) for defect in dialects]
    return [garden.scattered("chat", formats.chat, BASE, [*defects, *dialects])]


@plants("JL002")
def not_an_object(garden: Garden) -> list[Folder]:
    defects = _each(
        garden,
        4,
        bare_messages=lambda line: dump(json.loads(line)["messages"]),
        list_of_one=lambda line: f"[{line}]",
        text=lambda line: dump(json.loads(line)["messages"][0]["content"]),
        object_in_a_text=dump,
    )
    defects += [garden.defect("plain value", value) for value in ("null", "true", "false", "42", "3.5", "[]", '""')]
    return [garden.scattered("chat", formats.chat, BASE, defects)]


@plants("JL003")
def blank_line(garden: Garden) -> list[Folder]:
    kinds = {"empty": "", "spaces": "   ", "tab": "\t", "spaces and tab": " \t  "}
    defects = [garden.defect(name, line) for name, line in kinds.items() for _ in range(6)]
    return [garden.scattered("chat", formats.chat, BASE, defects)]


@plants("JL004")
def several_objects(garden: Garden) -> list[Folder]:
    joints = {"nothing": "", "space": " ", "tab": "\t", "comma": ",", "comma, space": ", "}
    defects = [
        garden.defect(name, joint.join(garden.lines(formats.chat, garden.rng.choice((2, 2, 3)))))
        for name, joint in joints.items()
        for _ in range(5)
    ]
    return [garden.scattered("chat", formats.chat, BASE, defects)]


@plants("JL005")
def not_json_lines(garden: Garden) -> list[Folder]:
    files = []
    for index in range(24):
        samples = garden.samples(formats.chat, FILE_LINES)
        variant, text = (
            ("one pretty-printed object", json.dumps(samples[0], indent=2)),
            ("pretty-printed array", json.dumps(samples, indent=4)),
            ("array, one object a line", "[\n" + ",\n".join(map(dump, samples)) + "\n]"),
            ("pretty-printed objects", "\n".join(json.dumps(sample, indent=2) for sample in samples)),
        )[index % 4]
        files.append(whole_file(f"part-{index:02}.jsonl", f"{text}\n", garden.defect(variant, "")))
    return [garden.folder("files", files, formats.chat)]


@plants("JL006")
def not_utf8(garden: Garden) -> list[Folder]:
    return [garden.folder("files", [_badly_encoded(garden, index) for index in range(32)], formats.chat)]


def _badly_encoded(garden: Garden, index: int) -> DataFile:
    name = f"part-{index:02}.jsonl"
    samples = garden.samples(formats.chat, FILE_LINES)
    answer = samples[index % FILE_LINES]["messages"][1]
    kind = index % 8
    if kind == 7:
        lines = [dump(sample) for sample in samples]
        defect = garden.defect("BOM", "", severity=WARNING)
        return whole_file(name, b"\xef\xbb\xbf" + to_bytes(lines), defect, to_bytes(lines))
    if kind == 0:
        lines = [dump(sample) for sample in samples]
        return whole_file(name, "".join(f"{line}\n" for line in lines).encode("utf-16"), garden.defect("UTF-16", ""))
    answer["content"] += " Café Müller paid €3 for it." if kind in (1, 2, 3) else " That is all §§ of it."
    raw = to_bytes(map(dump, samples))
    text = raw.decode()
    mark = "§§".encode()
    variant, data = {
        1: ("Windows-1252", text.encode("cp1252", "replace")),
        2: ("Latin-9", text.encode("iso8859-15", "replace")),
        3: ("Mac Roman", text.encode("mac-roman", "replace")),
        4: ("Shift JIS among UTF-8", raw.replace(mark, "三つ".encode("shift-jis"))),
        5: ("half a character", raw.replace(mark, "é".encode()[:1])),
        6: ("NUL bytes", raw.replace(mark, b"\0\0")),
    }[kind]
    also = ("JL001",) if variant == "NUL bytes" else ()  # a raw control character in a string is invalid JSON, too
    line = index % FILE_LINES + 1
    file = whole_file(name, data, garden.defect(variant, "", also=also), raw.replace(mark, b"three"))
    # Curly quotes and signs of the problems themselves are not UTF-8 either, on other lines.
    return file if kind in (1, 2, 3) else _at(file, line)


def _at(file: DataFile, line: int) -> DataFile:
    file.plants = [replace(plant, line=line) for plant in file.plants]
    return file


@plants("JL007")
def duplicate_key(garden: Garden) -> list[Folder]:
    chats = _each(
        garden,
        4,
        role_twice=lambda line: line.replace('"role": "user"', '"role": "system", "role": "user"'),
        content_twice=lambda line: line.replace('"content": "', '"content": "What?", "content": "', 1),
        messages_twice=lambda line: line.removesuffix("}") + f', "messages": {dump(json.loads(line)["messages"])}}}',
        empty_messages_first=lambda line: line.replace("{", '{"messages": [], ', 1),
        written_as_escape=lambda line: line.replace('"role": "user"', '"r\\u006fle": "user", "role": "user"'),
    )
    alpacas = [
        garden.defect(f"{key} twice", line.replace(f'"{key}": ', f'"{key}": "See below.", "{key}": ', 1))
        for key in ("instruction", "output")
        for line in garden.lines(formats.alpaca, 5)
    ]
    return [
        garden.scattered("chat", formats.chat, BASE, chats),
        garden.scattered("alpaca", formats.alpaca, BASE, alpacas),
    ]


@plants("JL008")
def lone_surrogate(garden: Garden) -> list[Folder]:
    defects = _each(
        garden,
        5,
        high_alone=lambda line: line.replace("The answer", "\\ud83d The answer"),
        low_alone=lambda line: line.replace("The answer", "\\ude00 The answer"),
        pair_the_wrong_way_round=lambda line: line.replace("The answer", "\\ude00\\ud83d The answer"),
        high_at_the_end=lambda line: re.sub(r'\."\}\]\}$', '. \\\\uD83D"}]}', line),
        two_high=lambda line: line.replace("The answer", "\\ud83d\\ud83d\\ude00 The answer"),
    )
    decoys = [
        garden.decoy("a whole pair", line.replace("The answer", "\\ud83d\\ude00 The answer"))
        for line in garden.lines(formats.chat, 4)
    ]
    return [garden.scattered("chat", formats.chat, BASE, [*defects, *decoys])]


@plants("JL009")
def not_quite_json(garden: Garden) -> list[Folder]:
    def with_value(value: str) -> Callable[[str], str]:
        return lambda line: line.removesuffix("}") + f', "weight": {value}}}'

    defects = _each(
        garden,
        3,
        nan=with_value("NaN"),
        infinity=with_value("Infinity"),
        minus_infinity=with_value("-Infinity"),
        comment_line=lambda line: f"// {json.loads(line)['messages'][0]['content'][:60]}",
        comment_at_the_end=lambda line: f"{line} // checked",
        comment_inside=lambda line: line.replace('{"role": "assistant"', '/* the answer */ {"role": "assistant"'),
        single_quotes=lambda line: str(json.loads(line)),
        single_quoted_key=lambda line: line.replace('"messages"', "'messages'"),
        single_quoted_value=lambda line: line.replace('"assistant"', "'assistant'"),
        comma_at_the_end_of_a_list=lambda line: line.replace("]}", ",]}"),
        comma_at_the_end_of_an_object=lambda line: line.removesuffix("}") + ",}",
        comma_in_a_message=lambda line: line.replace('"}, {"role": "assistant"', '",}, {"role": "assistant"'),
    )
    # The rule book names trailing commas here; a comma after the object is what splitting an array leaves behind.
    left_over = [
        garden.defect("comma after the object", f"{line},", accept=("JL001", "JL004"))
        for line in garden.lines(formats.chat, 3)
    ]
    hashes = [
        garden.defect(
            "hash comment line", f"# {formats.chat(garden.problem())['messages'][0]['content'][:60]}", accept=("JL001",)
        )
        for _ in range(3)
    ]
    python_words = [
        garden.defect(f"{word} for JSON's word", with_value(word)(line), accept=("JL001",))
        for word in ("None", "True", "False")
        for line in garden.lines(formats.chat, 1)
    ]
    return [garden.scattered("chat", formats.chat, BASE, [*defects, *left_over, *hashes, *python_words])]


@plants("JL010")
def odd_line_ends(garden: Garden) -> list[Folder]:
    separators = {"U+2028": "\u2028", "U+2029": "\u2029", "U+0085": "\x85"}
    defects = [
        # Where Windows-1252 is read as Latin-1, its ellipsis becomes U+0085.
        garden.defect(
            name,
            line.replace("The answer", f"{character}The answer"),
            also=("QL401",) if character == "\x85" else (),
        )
        for name, character in separators.items()
        for line in garden.lines(formats.chat, 7)
    ]
    decoys = [
        garden.decoy("as an escape", line.replace("The answer", "\\u2028The answer"))
        for line in garden.lines(formats.chat, 4)
    ]
    inside = garden.scattered("chat", formats.chat, BASE, [*defects, *decoys])
    files = [_odd_file(garden, index) for index in range(20)]
    files += [_crlf_file(garden, index) for index in range(4)]
    return [inside, garden.folder("files", files, formats.chat)]


def _odd_file(garden: Garden, index: int) -> DataFile:
    lines = garden.lines(formats.chat, FILE_LINES)
    twin = to_bytes(lines)
    odd = garden.rng.randrange(2, FILE_LINES - 2)
    ends = dict.fromkeys(range(FILE_LINES), "\n")
    # Where a lone carriage return is taken for a line end, it leaves broken or blank lines behind.
    variant, also = (
        ("one CRLF among LF", ()),
        ("one LF among CRLF", ()),
        ("CR CR LF", ("JL003",)),
        ("carriage return inside", ("JL001", "JL003", "JL005")),
    )[index % 4]
    if index % 4 == 0:
        ends[odd] = "\r\n"
    elif index % 4 == 1:
        ends = dict.fromkeys(ends, "\r\n") | {odd: "\n"}
    elif index % 4 == 2:
        ends[odd] = "\r\r\n"
    else:
        lines[odd] = lines[odd].replace("}, {", "},\r {", 1)
    data = "".join(line + ends[number] for number, line in enumerate(lines))
    return whole_file(f"part-{index:02}.jsonl", data, garden.defect(variant, "", also=also), twin)


def _crlf_file(garden: Garden, index: int) -> DataFile:
    """A decoy: CRLF throughout is no mixture."""
    data = "".join(f"{line}\r\n" for line in garden.lines(formats.chat, FILE_LINES)).encode()
    return DataFile(f"crlf-{index}.jsonl", data, twin=data)


@plants("JL011")
def no_final_newline(garden: Garden) -> list[Folder]:
    files = []
    for index in range(20):
        lines = garden.lines(formats.chat, FILE_LINES)
        end = "\r\n" if index % 4 == 3 else "\n"
        defect = garden.defect("CRLF" if index % 4 == 3 else "LF", "")
        files.append(whole_file(f"part-{index:02}.jsonl", end.join(lines), defect, to_bytes(lines)))
    return [garden.folder("files", files, formats.chat)]
