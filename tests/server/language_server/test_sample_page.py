"""The Markdown of a hover, from hand-made tokens: each character is a token."""

from dataclasses import replace
from typing import Any

from lintune_schemas.chat import RenderedChat, TokenizedChat
from lintune_schemas.conversations import Turn
from lintune_schemas.run_evaluation import SampleResult, SampleScore
from lintune_schemas.samples import SampleFormat
from lintune_server.language_server.sample_page import Said, SamplePage, fence, marked


def tokenized(text: str, learned: str) -> TokenizedChat:
    """learned: a line of the same length, `^` under what is learned."""
    rendered = RenderedChat(text, ((0, 2), (2, len(text))), (), exact=True)
    offsets = tuple((index, index + 1) for index in range(len(text)))
    return TokenizedChat(rendered, tuple(range(len(text))), offsets, tuple(mark == "^" for mark in learned))


def test_marks_follow_the_loss_mask() -> None:
    assert marked(tokenized("abcdef", "      ")) == "abcdef"
    assert marked(tokenized("abcdef", "  ^^  ")) == "ab⟦cd⟧ef"
    assert marked(tokenized("abcdef", "^    ^")) == "⟦a⟧bcde⟦f⟧"
    assert marked(tokenized("abcdef", "^^^^^^")) == "⟦abcdef⟧"


def test_marks_keep_what_lies_between_tokens_and_characters_of_several() -> None:
    chat = tokenized("a b😀c", "      ")
    # A space that no token covers, and an emoji of two tokens.
    chat = replace(chat, ids=(0, 1, 2, 3, 4), offsets=((0, 1), (2, 3), (3, 4), (3, 4), (4, 5)))
    assert marked(replace(chat, trained=(False, False, True, True, False))) == "a b⟦😀⟧c"
    assert marked(replace(chat, trained=(True, False, False, True, True))) == "⟦a⟧ b😀⟦c⟧"


def page(*said: Said, reference: str | None = "cdef", result: SampleResult | None = None, **more: Any) -> str:
    turns = (Turn("user", "ab", False, ()), Turn("assistant", "cdef", True, ()))
    chat = tokenized("abcdef", "  ^^^^")
    return SamplePage(4, SampleFormat.CHAT, turns, chat, None, 5, reference, said, result, **more).markdown()


def answered(text: str, speed: float | None = 41.4, **more: Any) -> Said:
    return Said("Tuned model", "run a", text, tokens_per_second=speed, **more)


def test_the_answers_stand_above_the_reference() -> None:
    text = page(answered("cdef\n"), Said("Base model", "", "cxef", tokens_per_second=40.0))
    assert (
        "Tokens: user 2 · assistant 4 (learned)\n\n"
        "**Tuned model** · run a · equals the reference · 41 tokens/s\n```text\ncdef\n\n```\n\n"
        "**Base model** · 40 tokens/s · `-` the reference, `+` the answer\n```diff\n- cdef\n+ cxef\n```\n\n"
        "**Reference**\n```text\ncdef\n```\n\n"
    ) in text
    assert text.endswith("```text\nab⟦cdef⟧\n```")
    assert "**6 of 5 tokens** — **too long**" in text


def test_while_it_is_asked_and_when_it_cannot_be() -> None:
    assert "**Tuned model** · run a\n\n*asking …*" in page(Said("Tuned model", "run a", note="asking …"))
    assert "Reference" not in page()
    part = page(answered("cd", None), link="command:x")
    assert "**Tuned model** · run a · *so far*\n```text\ncd\n```" in part
    assert "[Open the whole answers](command:x)" in part
    assert "whole" not in page(answered("cd"), link="command:x")


def test_an_answer_that_was_cut_and_one_without_a_reference() -> None:
    assert "run a · 41 tokens/s · cut at max_tokens\n```text\nxy\n```" in page(answered("xy", cut=True), reference=None)


def test_hardly_anything_alike_is_not_compared() -> None:
    text = page(answered("Surely, here is\nsomething else altogether"), reference="{}\n{}")
    assert "```text\nSurely, here is\n" in text
    assert "diff" not in text


def test_long_answers_are_cut_with_a_link_and_whole_on_their_page() -> None:
    long = "word " * 2_000
    text = page(answered(long), link="file:///page.md")
    assert "[Open the whole answers](file:///page.md)" in text
    assert "4,000 characters left out" in text
    assert f"```text\n{long}\n```" in page(answered(long), whole=True)


def test_what_an_evaluation_said() -> None:
    base, tuned = SampleScore(3.14159, 5, 1, exact=False), SampleScore(0.0123, 5, 5, exact=True)
    said = page(result=SampleResult("eval.jsonl", 5, "", base, tuned))
    assert "\n\n**Fixed**: base wrong, tuned right; loss 3.1 → 0.012 a token\n\n" in said
    assert "Broken" in page(result=SampleResult("eval.jsonl", 5, "", tuned, base))
    assert "**" not in page(result=SampleResult("eval.jsonl", 5, "", base)).split("tokens**")[1].replace(
        "— **too long**", ""
    )


def test_a_long_text_loses_its_middle() -> None:
    shown = fence("a" * 5_000 + "b" * 5_000)
    assert len(shown) < 6_200
    assert "4,000 characters left out" in shown
    assert shown.startswith("```text\naaa")
    assert shown.endswith("bbb\n```")
