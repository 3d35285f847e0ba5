"""Texts on which fast paths are compared with slow ones: what real data holds, and what breaks tokenizers."""

from __future__ import annotations

from hypothesis import strategies as st

PIECES = [
    *("a", "The", " word", "ing", "don't", "'s", "'LL", "I'm", "1", "2024", " 3.14", "12345678"),
    *(
        " ",
        "  ",
        "    ",
        " " * 33,
        "\n",
        "\n\n",
        "\r\n",
        "\t",
        "\t\t\t",
        "\n ",
        " \n",
        "\x0b",
        "\x0c",
        "\u00a0",
        "\u3000",
    ),
    *(
        ".",
        ",",
        "...",
        "!?",
        "://",
        "{",
        "}",
        '"',
        "\\n",
        "[]",
        "()",
        "==",
        "=" * 40,
        "-",
        "--",
        "#",
        "$",
        "_",
        "`",
        "`" * 3,
    ),
    *("<", ">", "<|", "|>", "<<", "> </", "</div>", "▁", "▁▁", "Ġ", "Ċ"),
    *("\x00", "\x01", "\x1f", "\x7f", "\x80", "\u200b", "\u200d", "\ufeff", "\ufffd"),
    *("é", "e\u0301", "ñ", "ß", "Ⅷ", "Ⓐ", "½", "²", "ﬁ", "İ", "ſ"),
    *(
        "中文",
        "数学问题。",
        "々",
        "日本語の",
        "カタカナ",
        "한국어",
        "العربية",
        "مرحبا ",
        "हिन्दी",
        "नमस्ते ",
        "ไทย",
        "עברית",
        "Привет ",
    ),
    *("🏠", "👩‍👩‍👧", "🇩🇪", "👍🏽", "❤️", "𝒳", "\U0010ffff"),
]


def texts(special: list[str], max_size: int = 20) -> st.SearchStrategy[str]:
    """Texts of the pieces above, any other characters, and a tokenizer's special tokens, whole and cut."""
    piece = st.sampled_from(PIECES)
    if special:
        piece |= st.sampled_from(special) | st.sampled_from(special).map(lambda token: token[:-1])
    piece |= st.text(max_size=3)
    ascii_piece = st.sampled_from([piece for piece in PIECES if piece.isascii()]) | st.sampled_from(special or ["a"])
    return st.lists(piece, max_size=max_size).map("".join) | st.lists(ascii_piece, max_size=max_size).map("".join)
