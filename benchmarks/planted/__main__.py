"""Plant defects, run `lintune check`, and print recall and precision of every rule.

python -m benchmarks.planted [PROBLEMS.jsonl] [--seed N] [--only CODE,…] [--misses] [--keep DIR]

Recall: planted defects that got a finding of their code at their place. Precision: findings at places where that code
is right. Findings that clean lines have without any defect in the file, too, count for neither; those on clean data at
a larger scale are counted by themselves, and are false if they are errors. The last line is the figures as JSON.
Exit code 1 when a rule is below 0.99, an error is false, a secret is shown, or a file could not be checked.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from benchmarks.planted import (
    answers,
    checking,
    clean,
    conventions,
    data_sets,
    duplicates,
    json_lines,
    layout,
    messages,
    report,
    sample_shapes,
    tokens,
    tool_calls,
)
from benchmarks.planted import problems as real
from benchmarks.planted.codes import CODES
from benchmarks.planted.judging import Judge
from benchmarks.planted.registry import PLANTERS, garden

_PROBLEMS = Path("../shared/data/gsm8k-train.jsonl")
_MODULES = (answers, conventions, data_sets, duplicates, json_lines, messages, sample_shapes, tokens, tool_calls)
"""Imported for what they register."""


def main() -> int:
    args = _arguments()
    with tempfile.TemporaryDirectory() as temporary:
        root = (args.keep or Path(temporary)).resolve()
        return _run(args, root)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.planted", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("problems", nargs="?", type=Path, default=_PROBLEMS, help=f"default: {_PROBLEMS}")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=_codes, default=[], metavar="CODE,…", help="codes, or their beginnings")
    parser.add_argument("--keep", type=Path, metavar="DIR", help="write the files there, and leave them there")
    parser.add_argument("--misses", action="store_true", help="print what was missed and what was false")
    args = parser.parse_args()
    if not args.problems.is_file():
        parser.error(f"there is no {args.problems}: give the path of GSM8K's training set as JSON Lines")
    if unknown := report.unknown(args.only):
        parser.error(f"the rule book has no {', '.join(unknown)}")
    if args.keep and args.keep.exists() and any(args.keep.iterdir()):
        parser.error(f"{args.keep} is not empty")
    return args


def _run(args: argparse.Namespace, root: Path) -> int:
    codes = [code for code in CODES if not args.only or code.startswith(tuple(args.only))]
    found = real.load(args.problems, args.seed)
    folders = [folder for code in codes for folder in PLANTERS[code](garden(code, found, args.seed))]
    unharmed = clean.folders(garden("clean", found, args.seed), args.problems)
    planted, twins = root / "planted", root / "twins"
    for folder in (*folders, *unharmed):
        layout.write(planted, folder, twin=False)
    for folder in folders:
        if any(file.twin is not None for file in folder.files):
            layout.write(twins, folder, twin=True)
    (root / "expected.txt").write_text(layout.expectations(folders), encoding="utf-8")
    findings, failed = checking.check_all(planted)
    if twins.exists():
        more, failed_too = checking.check_all(twins)
        findings, failed = findings + more, failed | failed_too
    judge = Judge(folders, unharmed, planted, twins, codes)
    verdict = judge.judge(findings)
    if args.misses:
        print("\n".join(report.misses(verdict, judge)))
    for words, names in failed.items():
        print(f"{len(names)} folders not checked ({', '.join(names[:3])}, …): {words}")
    print("\n".join(report.table(verdict.scores)))
    print(f"{len(verdict.echoed)} secrets shown whole")
    print(json.dumps(report.figures(verdict.scores)))
    return 0 if report.good(verdict) and not failed else 1


def _codes(text: str) -> list[str]:
    return [code.strip().upper() for code in text.split(",") if code.strip()]


if __name__ == "__main__":
    sys.exit(main())
