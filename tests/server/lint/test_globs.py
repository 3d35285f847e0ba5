"""Globs of `per-file-ignores`, against the regular expressions that say the same."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_server.lint.globs import fits

IN_REGEX = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]", "[ab]": "[ab]", "[!a]": "[^a]", "[a-b]": "[a-b]"}
PARTS = st.sampled_from([*IN_REGEX, "a", "b", "/", ".", "+"])


@given(st.lists(PARTS, max_size=6), st.text("ab/.+\n", max_size=10))
def test_means_what_the_regular_expression_means(parts, path):
    glob = "".join(parts)
    if "***" in glob:  # two stars belong together from the left
        return
    regex = "".join(IN_REGEX.get(part) or re.escape(part) for part in re.findall(r"\*\*/|\*\*|\*|\?|\[.+?\]|.", glob))
    assert fits(glob, path) is (re.fullmatch(regex, path, re.DOTALL) is not None)


@pytest.mark.parametrize(
    ("glob", "path"),
    [("*a" * 500 + "b", "a" * 2_000), ("**/" * 500 + "x", "a/" * 1_000 + "y"), ("**a" * 500 + "b", "a" * 2_000)],
    ids=["stars", "folders", "double stars"],
)
def test_takes_no_time_that_grows_without_bounds(glob, path):
    assert not fits(glob, path)


@pytest.mark.parametrize(
    ("glob", "path", "meant"),
    [("[z-a]x", "zx", True), ("[z-a]x", "bx", False), ("[]", "[]", True), ("[a", "[a", True), ("", "", True)],
)
def test_odd_globs(glob, path, meant):
    assert fits(glob, path) is meant
