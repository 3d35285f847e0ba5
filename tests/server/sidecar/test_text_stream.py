"""Text from the bytes of tokens: whole characters, and nothing of a stop sequence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.sidecar.worker.text_stream import TextStream


def run(pieces: list[bytes], stops: list[str]) -> tuple[list[str], bool]:
    """What comes out for each piece, what comes at the end, and whether a stop sequence came."""
    stream = TextStream(stops)
    out = [stream.push(piece) for piece in pieces]
    return [*out, stream.finish()], stream.stopped


def test_text_passes_through() -> None:
    assert run([b"Hel", b"lo"], []) == (["Hel", "lo", ""], False)


def test_a_character_comes_when_it_is_whole() -> None:
    assert run(["é".encode()[:1], "é".encode()[1:]], []) == (["", "é", ""], False)


def test_half_a_character_at_the_end_is_dropped() -> None:
    assert run([b"a", "€".encode()[:2]], []) == (["a", "", ""], False)


def test_bytes_that_are_no_utf8_are_marked() -> None:
    assert run([b"a\xffb"], []) == (["a\ufffdb", ""], False)


def test_the_text_ends_before_a_stop_sequence_across_pieces() -> None:
    assert run([b"one\n", b"\ntwo", b"three"], ["\n\n"]) == (["one", "", "", ""], True)


def test_what_only_began_like_a_stop_sequence_comes_later() -> None:
    assert run([b"one\n", b"two\n"], ["\n\n"]) == (["one", "\ntwo", "\n"], False)


@pytest.mark.parametrize("pieces", [[b"xabcd"], [b"xa", b"b", b"c"], [b"xab", b"cd"]])
def test_the_sequence_that_is_complete_first_counts(pieces: list[bytes]) -> None:
    out, stopped = run(pieces, ["abc", "b"])
    assert ("".join(out), stopped) == ("xa", True)


@given(st.text("abé\n", max_size=20), st.lists(st.text("abé\n", min_size=1, max_size=3), max_size=3), st.data())
def test_how_the_bytes_are_cut_makes_no_difference(text: str, stops: list[str], data: st.DataObject) -> None:
    encoded = text.encode()
    cuts = sorted(data.draw(st.sets(st.integers(0, len(encoded)))))
    pieces = [encoded[start:end] for start, end in zip([0, *cuts], [*cuts, len(encoded)], strict=True)]
    out, stopped = run(pieces, stops)
    ends = [end for end in range(len(text) + 1) if any(text[:end].endswith(stop) for stop in stops)]
    if ends:
        longest = max(len(stop) for stop in stops if text[: ends[0]].endswith(stop))
        assert ("".join(out), stopped) == (text[: ends[0] - longest], True)
    else:
        assert ("".join(out), stopped) == (text, False)
