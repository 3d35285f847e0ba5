from __future__ import annotations

import json
import subprocess
import sys

import pytest

from lintune_server.cli.main import COMMANDS, main
from lintune_server.rule_book import RULES


def test_help_names_every_command(capsys):
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert all(f"  {name} " in printed for name in COMMANDS)
    assert max(map(len, printed.splitlines())) <= 80


def test_without_a_command_it_says_how_to_use_it(capsys):
    assert main([]) == 2
    assert "usage: lintune COMMAND" in capsys.readouterr().out


def test_an_unknown_command_is_named(capsys):
    assert main(["chekc"]) == 2
    assert "no command chekc" in capsys.readouterr().err


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_explains_itself(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"usage: lintune {name}" in capsys.readouterr().out


def test_rules_lists_them_all(capsys):
    assert main(["rules"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == [rule.code for rule in RULES]
    assert main(["rules", "--json"]) == 0
    book = json.loads(capsys.readouterr().out)
    assert [entry["code"] for entry in book] == [rule.code for rule in RULES]
    for entry in book:
        assert entry["severity"] in ("error", "warning", "info", "hint")
        assert entry["family"]["title"]
        assert entry["fix"] in ("safe", "unsafe", None)
        assert entry["summary"].endswith(".")
        assert "\n" not in entry["summary"]


def test_rule_prints_a_page(capsys):
    assert main(["rule", "tk203"]) == 0
    page = capsys.readouterr().out
    assert page.startswith("# TK203 missing-end-token\n\nerror · Tokens and templates · fix: no\n\n## What it does\n")
    assert "## Why it hurts" in page
    assert main(["rule", "TK999"]) == 2
    assert "There is no rule TK999" in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_error():
    command = f"{sys.executable} -m lintune_server rules --json | head -c 10"
    ended = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("command", ["export", "verify"])
def test_commands_on_a_run_say_when_there_is_none(command, tmp_path, capsys):
    assert main([command, str(tmp_path)]) == 2
    assert "There is no run in" in capsys.readouterr().err
