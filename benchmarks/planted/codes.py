"""The one table of rule codes: severities as in the rule book, and which defect is also an instance of which rule.

When rules are merged or split, this is the place to say so.
"""

from __future__ import annotations

ERROR, WARNING, INFO, HINT = "error", "warning", "info", "hint"

CODES: dict[str, str] = {
    "JL001": ERROR,
    "JL002": ERROR,
    "JL003": WARNING,
    "JL004": ERROR,
    "JL005": ERROR,
    "JL006": ERROR,
    "JL007": ERROR,
    "JL008": ERROR,
    "JL009": ERROR,
    "JL010": WARNING,
    "JL011": HINT,
    "SF101": ERROR,
    "SF102": ERROR,
    "SF103": ERROR,
    "SF104": ERROR,
    "SF105": INFO,
    "SF106": ERROR,
    "SF107": WARNING,
    "SF108": ERROR,
    "SF109": ERROR,
    "SF110": WARNING,
    "SF111": ERROR,
    "SF112": ERROR,
    "SF113": ERROR,
    "SF114": ERROR,
    "SF115": ERROR,
    "SF116": ERROR,
    "SF117": ERROR,
    "SF118": WARNING,
    "SF119": WARNING,
    "TK201": WARNING,
    "TK202": ERROR,
    "TK203": ERROR,
    "TK204": ERROR,
    "TK205": WARNING,
    "TK206": ERROR,
    "TK207": ERROR,
    "TK208": ERROR,
    "TK209": WARNING,
    "TK210": WARNING,
    "TK211": ERROR,
    "TK212": INFO,
    "DU301": WARNING,
    "DU302": WARNING,
    "DU303": INFO,
    "DU304": WARNING,
    "DU305": ERROR,
    "DU306": INFO,
    "QL401": WARNING,
    "QL402": WARNING,
    "QL403": WARNING,
    "QL404": ERROR,
    "QL405": WARNING,
    "QL406": HINT,
    "QL407": WARNING,
    "QL408": HINT,
    "QL409": WARNING,
    "QL410": WARNING,
    "QL411": WARNING,
    "DS501": INFO,
    "DS502": WARNING,
    "DS503": INFO,
    "DS504": INFO,
    "DS505": ERROR,
}
"""The rule book's severity of each rule; a defect says so where it has another (`E; … is W`)."""

REPORTED_AS: dict[str, str] = {}
"""Codes of the rule book that the tool reports under another code, should rules be merged: `{"SF112": "SF109"}`."""

IMPLIES: dict[str, tuple[str, ...]] = {
    # Two objects on a line, comments, single quotes and NaN are invalid JSON, too.
    "JL004": ("JL001",),
    "JL009": ("JL001",),
    # A file that cannot be read as JSON Lines is unreadable, and has no sample that counts.
    "JL005": ("DS501", "DS505"),
    "JL006": ("DS505",),
    # A field that is missing, mistyped or foreign differs from nearly all other samples' in presence or type.
    "SF101": ("SF119",),
    "SF102": ("SF119",),
    "SF105": ("SF119",),
    # So does this; the message that is broken may have been the assistant's only one; and prompts that are missing, or
    # no text, are all the same prompt.
    "SF103": ("SF109", "SF119", "DU304"),
    "SF104": ("SF109", "SF119", "DU304"),
    "SF106": ("SF109",),
    # Two system messages at the start are two turns of the same role in a row.
    "SF108": ("SF107",),
    # Without an assistant message the user has the last word, and no token is trained.
    "SF109": ("SF110", "TK208"),
    "SF112": ("SF109",),
    # White space alone also leads and trails.
    "SF111": ("SF118",),
    # A declaration that is no good declares no tool.
    "SF116": ("SF114",),
    # What is far too long for sequence_len is far longer than the other samples, and the other way round.
    "TK201": ("QL406",),
    "TK202": ("TK201", "TK208", "QL406"),
    "QL406": ("TK201",),
    # An end-of-turn token in pieces ends no turn.
    "TK204": ("TK203",),
    # A template without the assistant's turns: the prompt is no prefix, nothing ends with EOS.
    "TK208": ("TK203", "TK209"),
    # A script that the tokenizer does not cover takes many tokens, and is another language than the file's.
    "TK210": ("TK212", "QL408"),
    "QL408": ("TK210", "TK212"),
    # Another template's markup is made of special tokens.
    "TK211": ("TK205",),
    # Each of these is also an instance of the weaker ones.
    "DU301": ("DU302", "DU303"),
    "DU302": ("DU303",),
    "DU304": ("DU303",),
    "DU305": ("DU301", "DU302", "DU303"),
    # "TODO" in the place of an answer is also short, and ends no sentence.
    "QL403": ("QL406", "QL407"),
    # A key is a long text that the tokenizer takes to pieces.
    "QL404": ("TK212",),
    # A typo of a label is an answer outside of the label set, and a label with fewer than five samples.
    "QL405": ("QL411",),
    "QL411": ("QL405",),
    "DS503": ("QL411", "QL405"),
    # Saying the same thing again and again makes an answer long.
    "QL410": ("QL406",),
    "DS505": ("DS501",),
}
"""A defect of the first code is truly one of the others, too: findings of theirs on its line are no false positives."""

FAMILIES = ("JL", "SF", "TK", "DU", "QL", "DS")


def tool_code(code: str) -> str:
    """The code that the tool reports for a code of the rule book."""
    return REPORTED_AS.get(code, code)


def true_codes(code: str) -> frozenset[str]:
    """Every code that is right about a defect of `code`."""
    return frozenset(map(tool_code, (code, *IMPLIES.get(code, ()))))
