"""`lintune stats PATH…`: a data set in numbers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lintune_schemas import recipe as recipes
from lintune_schemas.errors import LintuneError
from lintune_server.cli import output
from lintune_server.cli.progress import Progress
from lintune_server.cli.terminal import BOLD, DIM, Look, cells, clean, cut, number
from lintune_server.lint import checking, scanning, statistics
from lintune_server.lint.context import context_for

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from lintune_server.lint.scanning import Scan
    from lintune_server.lint.statistics import Cut, Spread, Statistics

_LABELS = 10


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Data sets in numbers: samples, exact tokens, what is trained on, and what sequence_len would cut. "
        "Exit codes: 0, or 2 when something could not be read."
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="data sets, or folders to search")
    parser.add_argument("--recipe", type=Path, help="count by this recipe's model (default: each data set's own)")
    parser.add_argument("--json", action="store_true", help="one object, by stats-report.schema.json")


def run(args: argparse.Namespace) -> int:
    """Raises LintuneError when the recipe cannot be read."""
    if args.recipe is not None:
        recipes.parse(args.recipe)
    troubles: list[str] = []
    entries: list[dict[str, Any]] = []
    with output.opened(None) as out, Progress() as progress:
        look = Look.of(out)
        for path in _data_sets(args.paths, troubles):
            progress.start(str(path))
            try:
                scan = scanning.scan(path, context_for(path, args.recipe), progress=progress.report)
                if scan.not_json_lines:
                    raise LintuneError(f"{path} is no JSON Lines file. See: lintune check {path}")
                found = statistics.of(scan)
            except LintuneError as error:
                troubles.append(str(error))
                continue
            progress.clear()
            if args.json:
                entries.append(_entry(scan, found))
            else:
                out.write("\n".join(_page(scan, found, look)) + "\n\n")
        if args.json:
            out.write(json.dumps({"version": 1, "files": entries}, ensure_ascii=False, indent=2) + "\n")
    for trouble in troubles:
        print(f"lintune: {trouble}", file=sys.stderr)
    return 2 if troubles else 0


def _data_sets(paths: Sequence[Path], troubles: list[str]) -> list[Path]:
    found: dict[Path, Path] = {}
    for path in paths:
        try:
            files = list(checking.files_of(path))
            if path in files and not checking.is_data_set(path):
                raise LintuneError(f"{path} is a recipe. Give a data set (.jsonl) or a folder.")
        except LintuneError as error:
            troubles.append(str(error))
            continue
        for file in files:
            if checking.is_data_set(file):
                found.setdefault(recipes.real_path(file), file)
    return list(found.values())


# For people


def _page(scan: Scan, found: Statistics, look: Look) -> Iterator[str]:
    context = scan.context
    yield look.paint(clean(str(scan.path)), BOLD)
    model = f" · {context.recipe.base_model}" if context.recipe and context.tokenizer else ""
    yield f"  {scan.format or 'unknown format'}{model}"
    yield ""
    yield f"  samples       {found.samples:>12,}"
    tokens, trained = statistics.spread(found.tokens), statistics.spread(found.trained_tokens)
    if tokens and trained:
        yield f"  tokens        {tokens.total:>12,}"
        share = trained.total / tokens.total
        yield f"  trained       {trained.total:>12,}  {share:.0%} of the tokens"
        left = found.samples - len(found.tokens)
        if left:
            yield f"  not counted   {left:>12,}  {'sample' if left == 1 else 'samples'} with errors of format"
        yield ""
        yield from _spreads(tokens, trained)
        yield ""
        yield from _histogram(found, look)
    elif context.problem:
        yield f"  tokens        not known: {context.problem}"
    yield ""
    yield from _roles(found)
    if found.labels:
        yield ""
        yield from _labels(found, look)
    if tokens:
        yield ""
        yield from _cuts(scan, found, tokens, look)


def _spreads(tokens: Spread, trained: Spread) -> Iterator[str]:
    yield f"  {'':<12}{'least':>8}{'median':>8}{'mean':>8}{'p90':>8}{'p95':>8}{'p99':>8}{'most':>8}"
    for name, one in (("tokens", tokens), ("trained", trained)):
        values = (one.least, one.median, round(one.mean), one.p90, one.p95, one.p99, one.most)
        yield f"  {name:<12}" + "".join(f"{value:>8,}" for value in values)


def _histogram(found: Statistics, look: Look) -> Iterator[str]:
    buckets = statistics.histogram(found.tokens)
    highest = max(bucket.samples for bucket in buckets)
    names = [
        f"{bucket.start:,} to {bucket.end - 1:,}" if bucket.end else f"{bucket.start:,} and more" for bucket in buckets
    ]
    width = max(len("tokens"), *map(len, names))
    room = look.width - width - 14
    yield f"  {'tokens':>{width}}  samples"
    for name, bucket in zip(names, buckets, strict=True):
        yield f"  {name:>{width}}  {_bar(bucket.samples / highest, room, look)} {bucket.samples:,}"


def _bar(share: float, room: int, look: Look) -> str:
    """Eighths of a column count: a bar of one sample among thousands is seen."""
    eighths = round(share * room * 8)
    if share and not eighths:
        eighths = 1
    return look.paint("█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip(), "36")


def _roles(found: Statistics) -> Iterator[str]:
    if not found.roles:
        return
    characters = sum(role.characters for role in found.roles.values()) or 1
    width = max(len("role"), *(cells(clean(name)) for name in found.roles))
    yield f"  {'role':<{width}}{'texts':>12}{'learned':>12}{'characters':>14}"
    for name, role in found.roles.items():
        share = f"{role.characters / characters:.0%}"
        yield f"  {clean(name):<{width}}{role.texts:>12,}{role.learned:>12,}{role.characters:>14,}{share:>6}"


def _labels(found: Statistics, look: Look) -> Iterator[str]:
    assert found.labels is not None
    total = found.labels.total()
    yield f"  {number(len(found.labels), 'label')}"
    for label, count in found.labels.most_common(_LABELS):
        shown = cut(clean(label), look.width - 30)
        yield f"  {count:>10,} {count / total:>5.0%}  {shown}"
    if len(found.labels) > _LABELS:
        yield look.paint(f"  and {len(found.labels) - _LABELS:,} more", DIM)


def _cuts(scan: Scan, found: Statistics, tokens: Spread, look: Look) -> Iterator[str]:
    recipe = scan.context.recipe
    own = recipe.sequence_len if recipe else None
    drops = recipe is None or recipe.excess_length_strategy != "truncate"
    lost = "tokens dropped" if drops else "tokens cut off"
    yield f"  {'sequence_len':>12}{'too long':>12}{lost:>22}"
    for one in statistics.cuts(found.tokens, found.trained_tokens, statistics.limits_of(found.tokens, own)):
        samples = f"{one.samples:,}"
        gone = one.tokens if drops else one.beyond
        line = f"  {one.sequence_len:>12,}{samples:>12}{gone:>14,} {gone / tokens.total:>7.1%}"
        yield look.paint(f"{line}  the recipe's", BOLD) if one.sequence_len == own else line
    yield f"  {tokens.p99:,} would hold 99 % of the samples, {tokens.most:,} all of them."


# For programs


def _entry(scan: Scan, found: Statistics) -> dict[str, Any]:
    recipe = scan.context.recipe
    limits = statistics.limits_of(found.tokens, recipe.sequence_len if recipe else None)
    return {
        "path": str(scan.path),
        "format": scan.format,
        "recipe": str(scan.context.recipe_path) if scan.context.recipe_path else None,
        "base_model": recipe.base_model if recipe else None,
        "samples": found.samples,
        "counted": len(found.tokens),
        "tokens": _spread(statistics.spread(found.tokens)),
        "trained_tokens": _spread(statistics.spread(found.trained_tokens)),
        "histogram": [
            {"from": bucket.start, "to": None if bucket.end is None else bucket.end - 1, "samples": bucket.samples}
            for bucket in statistics.histogram(found.tokens)
        ],
        "roles": [
            {"role": name, "texts": role.texts, "learned": role.learned, "characters": role.characters}
            for name, role in found.roles.items()
        ],
        "labels": (
            [{"label": label, "samples": count} for label, count in found.labels.most_common()]
            if found.labels
            else None
        ),
        "sequence_len": recipe.sequence_len if recipe else None,
        "cuts": [_cut(one) for one in statistics.cuts(found.tokens, found.trained_tokens, limits)],
    }


def _spread(one: Spread | None) -> dict[str, Any] | None:
    if one is None:
        return None
    return {
        "total": one.total,
        "mean": round(one.mean, 2),
        "min": one.least,
        "p50": one.median,
        "p90": one.p90,
        "p95": one.p95,
        "p99": one.p99,
        "max": one.most,
    }


def _cut(one: Cut) -> dict[str, int]:
    return {
        "sequence_len": one.sequence_len,
        "samples": one.samples,
        "tokens": one.tokens,
        "trained_tokens": one.trained_tokens,
        "tokens_beyond": one.beyond,
    }
