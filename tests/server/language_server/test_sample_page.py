"""The Markdown of a hover, from hand-made tokens: each character is a token."""

from dataclasses import replace

from lintune_schemas.chat import RenderedChat, TokenizedChat
from lintune_schemas.conversations import Turn
from lintune_schemas.samples import SampleFormat
from lintune_server.language_server.sample_page import SamplePage, TunedAnswer, fence, marked


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


def page(answer: TunedAnswer | None) -> SamplePage:
    turns = (Turn("user", "ab", False, ()), Turn("assistant", "cdef", True, ()))
    return SamplePage(
        4, SampleFormat.CHAT, turns, tokenized("abcdef", "  ^^^^"), None, 5, reference="cdef", answer=answer
    )


def test_the_answer_stands_beside_the_reference() -> None:
    text = page(TunedAnswer("20260101-abc", "cxef")).markdown()
    assert (
        "Tokens: user 2 · assistant 4 (learned)\n\n"
        "**Tuned model** · run 20260101-abc\n```text\ncxef\n```\n\n**Reference**\n```text\ncdef\n```\n\n"
    ) in text
    assert text.endswith("```text\nab⟦cdef⟧\n```")
    assert "**6 of 5 tokens** — **too long**" in text
    assert "equals the reference" in page(TunedAnswer("20260101-abc", "cdef\n")).markdown()


def test_while_it_is_asked_and_when_it_cannot_be() -> None:
    assert "*asking …*" in page(TunedAnswer("20260101-abc", note="asking …")).markdown()
    assert "Reference" not in page(None).markdown()


def test_a_long_text_loses_its_middle() -> None:
    shown = fence("a" * 5_000 + "b" * 5_000)
    assert len(shown) < 6_200
    assert "4,000 characters left out" in shown
    assert shown.startswith("```text\naaa")
    assert shown.endswith("bbb\n```")
