"""The table of a proof: figures in columns, no wider than a terminal, and why a check failed."""

from lintune_schemas.events import Check, Link
from lintune_server.cli.terminal import Look, cells
from lintune_server.cli.verify_text import table

LOGITS = Check(
    "logits of model-f16.gguf",
    True,
    "all is well",
    file="model-f16.gguf",
    figures={"kl_mean": 1.04e-6, "kl_mean_limit": 1e-3, "top1": 0.9994, "top1_limit": 0.99},
)


def test_figures_stand_beside_their_limits():
    head, line = table([LOGITS], Look())
    assert head.split() == ["check", "KL,", "nats", "limit", "top-1", "limit", "ppl"]
    assert line.split() == ["ok", "logits", "of", "model-f16.gguf", "1.0e-06", "1e-03", "99.94%", "99%"]


def test_what_failed_says_the_link_and_the_reason_in_80_columns():
    failed = Check("end tokens of model-q4_k_m.gguf", False, "llama.cpp does not stop at <|im_end|> " * 5, Link.EOS)
    _, line, *reason = table([failed], Look())
    assert line == "FAILED  end tokens of model-q4_k_m.gguf"
    assert reason[0].startswith("        EOS: llama.cpp does not stop at")


def test_no_line_is_wider_than_the_terminal():
    long = Check(
        "quantization of model-" + "x" * 60 + ".gguf\x1b[2J", False, "no", Link.QUANTIZATION, figures=LOGITS.figures
    )
    for width in (60, 80, 120):
        lines = list(table([LOGITS, long], Look(width)))
        assert max(map(cells, lines)) <= width
        assert not any("\x1b" in line for line in lines)
