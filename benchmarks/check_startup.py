"""How long `lintune check` takes on a ten-line file, beside a bare Python that imports json.

python benchmarks/check_startup.py

Both run as whole processes, in turn, and the fastest of each counts: on a busy machine the others measure the
machine. Python keeps compiled modules, as of what is installed, whatever PYTHONDONTWRITEBYTECODE says here: without
them each start compiles Lintune anew, a tenth of a second. The last line is the figures as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS = 15
EXAMPLE = Path(__file__).resolve().parents[1] / "examples" / "smart-home"


def seconds(command: list[str], cwd: Path, environment: dict[str, str]) -> float:
    begin = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
    return time.perf_counter() - begin


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lines = (EXAMPLE / "data" / "train.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
        (folder / "data").mkdir()
        (folder / "data" / "train.jsonl").write_text("".join(lines[:10]), encoding="utf-8")
        (folder / "recipe.yaml").write_text((EXAMPLE / "recipe.yaml").read_text(encoding="utf-8"), encoding="utf-8")
        commands = {
            "python -c 'import json'": [sys.executable, "-c", "import json"],
            "lintune check": [sys.executable, "-m", "lintune_server", "check", "data/train.jsonl"],
            "lintune check, no tokenizer": [
                *(sys.executable, "-m", "lintune_server", "check", "data/train.jsonl"),
                *("--recipe", "no-model.recipe.yaml"),
            ],
        }
        (folder / "no-model.recipe.yaml").write_text("adapter: lora\n", encoding="utf-8")
        kept = {**os.environ, "PYTHONPYCACHEPREFIX": str(folder / "compiled")}
        kept.pop("PYTHONDONTWRITEBYTECODE", None)
        for command in commands.values():  # compiled modules, and the tokenizer's cache
            subprocess.run(command, cwd=folder, env=kept, capture_output=True, check=True)
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(ROUNDS):
            for what, command in commands.items():
                best[what] = min(best[what], seconds(command, folder, kept))
    bare = best["python -c 'import json'"]
    for what, value in best.items():
        print(f"{what:<30} {value * 1000:6.0f} ms   {value / bare:5.1f} x")
    limit = 3 * bare + 0.3
    check = best["lintune check"]
    print(f"{'3 x bare Python + 0.3 s':<30} {limit * 1000:6.0f} ms")
    print(json.dumps({"bare_s": round(bare, 4), "check_s": round(check, 4), "limit_s": round(limit, 4)}))


if __name__ == "__main__":
    main()
