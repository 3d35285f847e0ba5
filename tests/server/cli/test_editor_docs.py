"""The snippets of docs/editors.md have the form that their editors read, and name a command that there is."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from lintune_server.cli.main import COMMANDS, parser_of
from lintune_server.lint.checking import DATASET_SUFFIXES

from ...e2e.other_editors import snippets

COMMAND = ["lintune", "server"]


def test_the_command_is_there():
    assert COMMAND[1] in COMMANDS
    parser_of(COMMAND[1]).parse_args(COMMAND[2:])


def test_neovim():
    old, new, _ = snippets("Neovim", "lua")
    for snippet in (old, new):
        assert re.findall(r"cmd = \{ (.*?) \}", snippet) == [", ".join(f'"{word}"' for word in COMMAND)]
    for suffix in DATASET_SUFFIXES:
        assert f'"*{suffix}"' in old
        assert f"{suffix[1:]} =" in new


def test_helix():
    config = tomllib.loads(snippets("Helix", "toml")[0])
    server = config["language-server"]["lintune"]
    assert [server["command"], *server["args"]] == COMMAND
    languages = {one["name"]: one for one in config["language"]}
    assert all("lintune" in one["language-servers"] for one in languages.values())
    assert languages["jsonl"]["file-types"] == [suffix[1:] for suffix in DATASET_SUFFIXES]
    assert "yaml" in languages


def test_emacs():
    (snippet,) = snippets("Emacs", "elisp")
    assert '("lintune" "server")' in snippet
    bare = re.sub(r'"(?:[^"\\]|\\.)*"', "", snippet)
    assert bare.count("(") == bare.count(")")


@pytest.mark.parametrize("heading", ["Zed", "Sublime Text"])
def test_json(heading: str):
    settings = json.loads(snippets(heading, "json")[0])
    if heading == "Zed":
        (binary,) = (server["binary"] for server in settings["lsp"].values())
        assert [binary["path"], *binary["arguments"]] == COMMAND
        assert settings["file_types"]["JSON"] == [suffix[1:] for suffix in DATASET_SUFFIXES]
    else:
        assert settings["clients"]["lintune"]["command"] == COMMAND
