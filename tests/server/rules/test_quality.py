"""What a table of fixtures does not show of the rules of quality: cheap tests miss nothing, repairs repair."""

from __future__ import annotations

import base64
import json
import re
import string

import ftfy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tests.server.rules.test_rules import FIXTURES

from lintune_schemas.samples import LAYOUTS, SampleFormat
from lintune_server.lint.json_source import StringOffsets
from lintune_server.lint.sample import Line, Surroundings
from lintune_server.rules import FREE_STAGE
from lintune_server.rules.quality import language_facts, mojibake, personal_shapes, repetition, secret_shapes

ACCENTED = st.text(st.sampled_from("aé èöüßñçÅŁńřš’“”–…€ £Привет 你好あ😀.,"), min_size=1, max_size=30)
WORDS = st.text(st.sampled_from("abcdefgh .,"), min_size=1, max_size=12)


def sample(answer, escaped=False):
    text = json.dumps({"prompt": "What is it?", "completion": answer}, ensure_ascii=escaped)
    return Line(text, Surroundings(LAYOUTS[SampleFormat.PROMPT_COMPLETION]))


def found(code, line):
    return [problem for rule in FREE_STAGE if rule.code == code for problem in rule.check(line)]


def garbled(text):
    """UTF-8 read as Windows-1252, as programs do it: bytes that it lacks become control characters."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())


def repaired(line):
    [problem] = found("QL401", line)
    text = line.sample["completion"]
    for change in sorted(problem.remedy.changes, key=lambda change: -change.spot.start):
        text = text[: change.spot.start] + json.loads(f'"{change.text}"') + text[change.spot.end :]
    return text


@given(before=WORDS, text=ACCENTED, after=WORDS, escaped=st.booleans())
@example(before="a", text="£", after="fffd", escaped=False)
def test_mojibake_is_repaired_as_ftfy_does_and_nothing_else_is_changed(before, text, after, escaped):
    line = sample(before + garbled(text) + after, escaped)
    answer = line.sample["completion"]
    wanted = ftfy.fix_encoding(answer)
    speaks_of_it = "fffd" in answer  # which Hypothesis takes from the rule's own source
    if speaks_of_it or wanted == answer or "\ufffd" in wanted or re.search("[\x80-\x9f]", wanted):
        assert found("QL401", line) == []
    else:
        assert repaired(line) == wanted
        assert found("QL401", sample(wanted)) == []


@given(st.text(st.characters(max_codepoint=0x2500, exclude_categories=["Cs"]), max_size=60))
def test_the_cheap_test_for_mojibake_misses_nothing_that_ftfy_repairs_from_windows_1252(text):
    for encoding in ("cp1252", "latin-1"):
        read = text.encode().decode(encoding, "ignore")
        if ftfy.fix_encoding(read) == text != read:
            assert mojibake._may_be_mojibake(read.encode())


def luhn_by_hand(digits):
    total = 0
    for index, digit in enumerate(reversed(digits)):
        value = int(digit) * (2 if index % 2 else 1)
        total += value // 10 + value % 10
    return total % 10 == 0


@given(st.text(string.digits, min_size=1, max_size=20))
def test_check_digits_of_cards(digits):
    assert personal_shapes._luhn(digits) == luhn_by_hand(digits)


@given(st.text(string.digits, min_size=18, max_size=18), st.integers(0, 99))
def test_of_a_hundred_check_numbers_one_makes_an_iban(account, check):
    right = 98 - int(f"{account}131400") % 97
    spans = list(personal_shapes.ibans(f"from DE{check:02}{account} to us"))
    assert spans == ([(5, 27)] if check == right or check % 97 == right % 97 else [])


@pytest.mark.parametrize(
    "shape",
    [one for one in secret_shapes.SHAPES if one.pattern and "(?i)" not in one.pattern],
    ids=lambda one: one.name,
)
def test_secrets_of_each_shape_are_found_alone_and_not_within_more(shape):
    @settings(max_examples=20)
    @given(st.from_regex(shape.pattern, fullmatch=True, alphabet=st.characters(max_codepoint=127)))
    def check(secret):
        texts = f"It is {secret}, as {shape.name} is; discord" if not secret_shapes.is_made_up(secret) else ""
        if texts:
            problems = found("QL404", sample(texts))
            assert any((one.spot.start, one.spot.end) == (6, 6 + len(secret)) for one in problems)
            assert all(secret not in one.message for one in problems)
        assert not [one for one in found("QL404", sample(f"Ax{secret}yZ")) if one.spot.start == 2]

    check()


@given(st.binary(min_size=30, max_size=400))
def test_no_secrets_in_what_only_looks_random(data):
    blob = base64.b64encode(data).decode()
    assert found("QL404", sample(f"{data.hex()} {blob}")) == []


@given(unit=st.text("abc ", min_size=6, max_size=20), times=st.integers(4, 12), before=st.text("xyz ", max_size=20))
def test_loops_at_the_end_are_found(unit, times, before):
    text = before + unit * times
    if len(unit.strip()) < 2 or len(set(unit) - {" "}) < 2 or len(text) < 80:
        return
    assert repetition._most_often(text) >= 3
    start, end, _, count = repetition._loop(text)
    assert count >= 4
    period = (end - start) // count
    assert any(text[start : end - step] == text[start + step : end] for step in range(1, period + 2))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("The dog and the cat are in the garden.", language_facts.ENGLISH),
        ("Natalia sold clips to some friends of hers.", language_facts.ENGLISH),
        ("Der Hund und die Katze sind nicht im Garten, sie sind auf dem Dach.", language_facts._NUMBERS["de"]),
        ("Le chien et le chat ne sont pas dans une maison avec vous.", language_facts._NUMBERS["fr"]),
        ("Собака и кошка гуляют в саду.", 101),
        ("犬と猫は庭にいます。とても元気です。", 111),
        ("狗和猫在花园里玩耍，非常高兴。", 120),
        ("12 + 30 = 42; 42 * 2 = 84; 84 / 4 = 21", language_facts.UNKNOWN),
        ('{"the": "and that are with they"}', language_facts.UNKNOWN),
        ("Paris", language_facts.UNKNOWN),
    ],
)
def test_languages_at_a_glance(text, expected):
    assert language_facts.at_a_glance(text) == expected


def lines_of(code):
    for path in sorted((FIXTURES / code).glob("bad*.jsonl")):
        yield from path.read_text(encoding="utf-8").splitlines()


@pytest.mark.parametrize("rule", [rule for rule in FREE_STAGE if rule.needles], ids=lambda rule: rule.name)
def test_needles_stand_wherever_their_rule_finds_anything(rule):
    asked = 0
    for text in lines_of(rule.code):
        if any(rule.check(Line(text, Surroundings()))):
            asked += 1
            assert "\\u" in text or any(needle.lower() in text.lower() for needle in rule.needles)
    assert asked


def test_ranges_are_those_of_the_decoded_text():
    line = sample('Tab\t, "quoted", \\, é, 😀: As an AI language model, I cannot.', escaped=True)
    [problem] = found("QL402", line)
    node = line.positions.at(problem.spot.path)
    offsets = StringOffsets(line.text[node.start : node.end], node.start)
    assert line.text[offsets.raw(problem.spot.start) : offsets.raw(problem.spot.end)] == "As an AI language model"
