"""The probabilities that the sidecar tells are those of the model."""

from pathlib import Path

import llama_cpp
import numpy as np
import pytest

from lintune_server.sidecar.client import SidecarClient, SidecarError

pytestmark = pytest.mark.slow


async def test_they_are_those_of_llama_cpp_in_process(client: SidecarClient, demo_model: Path) -> None:
    ids = await client.tokenize("Training a small model on one machine is mostly a matter of patience. " * 6)
    told = await client.logprobs(ids, "base")
    llama = llama_cpp.Llama(
        str(demo_model), n_ctx=512, n_threads=1, n_threads_batch=1, logits_all=True, flash_attn=True, verbose=False
    )
    llama.eval(ids)
    logits = np.asarray(llama.scores[: len(ids)], np.float64)
    llama.close()
    each = logits - logits.max(1, keepdims=True)
    each -= np.log(np.exp(each).sum(1, keepdims=True))
    expected = [each[position, token] for position, token in enumerate(ids[1:])]
    assert told[0] is None
    # Batches are cut elsewhere; with these quantized weights that alone makes a difference of some hundredths.
    assert np.abs(np.array(told[1:], float) - expected).mean() < 0.05
    assert len(told) == len(ids)


async def test_the_whole_context_can_be_scored_and_no_more(client: SidecarClient) -> None:
    ids = [100 + number % 7 for number in range(512)]
    assert len(await client.logprobs(ids, "base")) == 512
    with pytest.raises(SidecarError, match="together may have 512"):
        await client.logprobs([*ids, 100], "base")
    assert await client.logprobs([100], "base") == [None]
