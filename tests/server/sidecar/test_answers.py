"""What the sidecar answers, with the real demo model over HTTP."""

import asyncio
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from lintune_schemas.base_model import BaseModel, ModelKind
from lintune_schemas.conversations import Conversation, Turn
from lintune_schemas.model_files import load_tokenizer
from lintune_server.sidecar.client import SidecarClient, SidecarError

pytestmark = pytest.mark.slow

QUESTION = [{"role": "user", "content": "What is the capital of France? One word."}]
RENDERED = (
    "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
    f"<|im_start|>user\n{QUESTION[0]['content']}<|im_end|>\n<|im_start|>assistant\n"
)


async def test_a_chat_is_answered_and_ends_by_itself(client: SidecarClient) -> None:
    answer = await client.chat(QUESTION, max_tokens=40)
    assert "Paris" in answer.text
    assert "<|im_end|>" not in answer.text
    assert (answer.model, answer.finish_reason) == ("tuned", "stop")
    assert answer.tokens_per_second > 0


async def test_a_rendered_prompt_its_tokens_and_the_chat_are_the_same(client: SidecarClient) -> None:
    ids = await client.tokenize(RENDERED)
    assert ids[0] == 1
    assert await client.render(QUESTION) == RENDERED
    by_chat = await client.chat(QUESTION, max_tokens=40)
    by_text = await client.complete(RENDERED, max_tokens=40)
    by_ids = await client.complete(ids, max_tokens=40)
    assert by_text.text == by_ids.text == by_chat.text
    assert by_text.prompt_tokens == by_ids.prompt_tokens == by_chat.prompt_tokens == len(ids)


async def test_its_prompt_is_the_editors_and_the_trainers(client: SidecarClient, demo_model: Path) -> None:
    conversation = [("system", "Be brief."), ("user", "Hi"), ("assistant", "Ho"), ("user", "  Ünd?\n")]
    tokenizer = load_tokenizer(BaseModel("demo", ModelKind.GGUF, demo_model))
    prompt = tokenizer.prompt(
        Conversation(tuple(Turn(role, text, trained=False, path=()) for role, text in conversation))
    )
    assert await client.render([{"role": role, "content": text} for role, text in conversation]) == prompt
    assert await client.tokenize(prompt) == tokenizer.tokenizer.encode(prompt, add_special_tokens=False).ids


async def test_special_tokens_are_parsed_only_when_wanted(client: SidecarClient) -> None:
    assert await client.tokenize("<|im_end|>") == [2]
    assert len(await client.tokenize("<|im_end|>", parse_special=False)) > 1


async def test_a_stream_is_the_whole_answer_in_pieces(client: SidecarClient) -> None:
    story = [{"role": "user", "content": "Count from one to ten, with an emoji after each."}]
    whole = await client.chat(story, max_tokens=60)
    pieces = [piece async for piece in client.stream_chat(story, max_tokens=60)]
    assert len(pieces) > 10
    assert "".join(piece.text for piece in pieces) == whole.text
    assert [piece.finish_reason for piece in pieces if piece.finish_reason] == [whole.finish_reason]
    prompt = "The first ten primes: 2, 3,"
    pieces = [piece async for piece in client.stream(prompt, max_tokens=20)]
    assert "".join(piece.text for piece in pieces) == (await client.complete(prompt, max_tokens=20)).text
    assert (pieces[-1].text, pieces[-1].finish_reason) == ("", "length")


async def test_the_events_of_a_stream_are_openais(http: httpx.AsyncClient) -> None:
    body = {"messages": QUESTION, "temperature": 0, "max_tokens": 4, "stream": True}
    response = await http.post("/v1/chat/completions", json={**body, "stream_options": {"include_usage": True}})
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, end = response.text.strip().split("\n\n")
    assert end == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    reasons = [chunk["choices"][0]["finish_reason"] for chunk in chunks[:-1]]
    assert reasons == [None] * (len(reasons) - 1) + ["length"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"]["completion_tokens"] == 4
    assert chunks[-2]["timings"]["tokens_per_second"] > 0


async def test_the_text_ends_before_a_stop_sequence(client: SidecarClient) -> None:
    prompt, stop = "One, two, three, four,", ["nine", "seven"]
    answer = await client.complete(prompt, stop=stop, max_tokens=60)
    assert answer.finish_reason == "stop"
    assert answer.text.rstrip().endswith("six,")
    pieces = [piece.text async for piece in client.stream(prompt, stop=stop, max_tokens=60)]
    assert "".join(pieces) == answer.text


async def test_a_seed_makes_sampling_repeatable(client: SidecarClient) -> None:
    async def story(seed: int | None, tokens: int) -> str:
        answer = await client.complete("Once upon a time", temperature=1.2, max_tokens=tokens, seed=seed)
        return answer.text

    # A longer answer can part at some token: what else is in the context changes the last digits of the numbers.
    first = [await story(seed, 1) for seed in range(6)]
    assert [await story(seed, 1) for seed in range(6)] == first
    assert len(set(first)) > 1
    assert len({await story(seed, 12) for seed in (1, 2, 3, None, None)}) > 3


async def test_models_are_asked_by_id(client: SidecarClient, http: httpx.AsyncClient) -> None:
    assert await client.models() == ["tuned", "base"]
    answer = await client.complete("Hello", model="base", max_tokens=1)
    assert answer.model == "base"
    with pytest.raises(SidecarError, match="Ask one of: tuned, base") as refused:
        await client.complete("Hello", model="gpt-9")
    assert (refused.value.status, refused.value.code) == (404, "model_not_found")
    listed = (await http.get("/v1/models")).json()
    assert listed["data"][0] | {"created": 0} == {
        "id": "tuned",
        "object": "model",
        "created": 0,
        "owned_by": "lintune",
        "parent": None,
    }


async def test_an_answer_is_openais_object(http: httpx.AsyncClient) -> None:
    defaults = {"n": 1, "stop": None, "logprobs": None}
    body = {"prompt": ["The sky is"], "max_tokens": 3, "temperature": 0, **defaults}
    answer: dict[str, Any] = (await http.post("/v1/completions", json=body)).json()
    assert answer["object"] == "text_completion"
    assert answer["choices"][0]["finish_reason"] == "length"
    assert answer["usage"] == {"prompt_tokens": 3, "completion_tokens": 3, "total_tokens": 6}
    assert answer["timings"]["tokens_per_second"] > 0


async def test_many_clients_at_once_all_get_their_own_answer(client: SidecarClient) -> None:
    prompts = [f"{number} + {number} =" for number in range(8)]
    alone = [(await client.complete(prompt, max_tokens=6)).prompt_tokens for prompt in prompts]
    together = await asyncio.gather(*(client.complete(prompt, max_tokens=6) for prompt in prompts))
    assert [answer.prompt_tokens for answer in together] == alone
    assert all(answer.text for answer in together)


async def test_the_end_of_the_context_ends_the_answer(client: SidecarClient) -> None:
    ids = (await client.tokenize("word " * 600))[:504]
    answer = await client.complete(ids)
    assert (answer.finish_reason, answer.completion_tokens) == ("length", 8)
    with pytest.raises(SidecarError, match="prompt and answer together may have 512") as refused:
        await client.complete([*ids, *ids])
    assert refused.value.code == "context_length_exceeded"
