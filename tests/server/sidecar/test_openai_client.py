"""OpenAI's own client for Python asks the sidecar."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Literal

import pytest
from openai import AsyncOpenAI, BadRequestError, NotFoundError
from pydantic import BaseModel, Field

from .worker_process import TOKEN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from openai.types.chat import ChatCompletionMessageParam

    from .worker_process import Worker

pytestmark = pytest.mark.slow

QUESTION: list[ChatCompletionMessageParam] = [{"role": "user", "content": "What is the capital of France? One word."}]


class Light(BaseModel):
    room: Literal["kitchen", "bedroom"]
    percent: int = Field(ge=0, le=9)
    on: bool


@pytest.fixture
async def openai(worker: Worker) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=f"{worker.url}/v1", api_key=TOKEN, max_retries=0) as client:
        yield client


async def test_the_models(openai: AsyncOpenAI) -> None:
    assert [model.id async for model in openai.models.list()] == ["tuned", "base"]
    assert (await openai.models.retrieve("base")).owned_by == "lintune"
    with pytest.raises(NotFoundError, match="no model 'gpt' here"):
        await openai.models.retrieve("gpt")


async def test_a_chat_whole_and_streamed(openai: AsyncOpenAI) -> None:
    whole = await openai.chat.completions.create(model="tuned", messages=QUESTION, temperature=0, max_tokens=30)
    text = whole.choices[0].message.content
    assert text
    assert "Paris" in text
    stream = await openai.chat.completions.create(
        model="tuned",
        messages=QUESTION,
        temperature=0,
        max_tokens=30,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices) == text
    assert chunks[-1].usage == whole.usage
    assert whole.choices[0].finish_reason == "stop"


async def test_an_answer_in_the_form_of_a_class(openai: AsyncOpenAI) -> None:
    messages: list[ChatCompletionMessageParam] = [
        {"role": "user", "content": "Switch on the kitchen light. JSON only."}
    ]
    parsed = await openai.chat.completions.parse(
        model="tuned", messages=messages, response_format=Light, temperature=0, max_tokens=60
    )
    light = parsed.choices[0].message.parsed
    assert light is not None
    assert parsed.choices[0].finish_reason == "stop"
    for seed in (1, 2):  # also where every token is left to chance
        wild = await openai.chat.completions.parse(
            model="tuned", messages=messages, response_format=Light, temperature=1.5, seed=seed, max_tokens=60
        )
        assert wild.choices[0].message.parsed


async def test_any_json_object_streamed(openai: AsyncOpenAI) -> None:
    stream = await openai.chat.completions.create(
        model="tuned",
        messages=[{"role": "user", "content": "Write the JSON object with the key a and the value 1."}],
        response_format={"type": "json_object"},
        temperature=0,
        max_tokens=60,
        stream=True,
    )
    text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream])
    if text.rstrip().endswith("}"):
        assert isinstance(json.loads(text), dict)
    assert text.lstrip().startswith("{")


async def test_a_schema_that_nothing_can_be_held_to(openai: AsyncOpenAI) -> None:
    for schema, problem in (({"type": "nope"}, "Invalid type: nope"), ({"not": {}}, 'Unimplemented keys: .*"not"')):
        with pytest.raises(BadRequestError, match=f"response_format cannot be used: .*{problem}"):
            form = {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}
            await openai.chat.completions.create(model="tuned", messages=QUESTION, extra_body={"response_format": form})
    with pytest.raises(BadRequestError, match="none of text, json_object, json_schema"):
        await openai.chat.completions.create(
            model="tuned", messages=QUESTION, extra_body={"response_format": {"type": "yaml"}}
        )


async def test_probabilities_of_a_chat(openai: AsyncOpenAI) -> None:
    whole = await openai.chat.completions.create(
        model="tuned", messages=QUESTION, temperature=0, max_tokens=6, logprobs=True, top_logprobs=3
    )
    assert whole.choices[0].logprobs
    content = whole.choices[0].logprobs.content
    assert content
    assert "".join(token.token for token in content) == whole.choices[0].message.content
    for token in content:
        assert token.top_logprobs[0].token == token.token  # the likeliest was taken
        assert token.logprob == token.top_logprobs[0].logprob
        assert sum(math.exp(likely.logprob) for likely in token.top_logprobs) <= 1
        assert bytes(token.bytes or ()).decode() == token.token
    stream = await openai.chat.completions.create(
        model="tuned", messages=QUESTION, temperature=0, max_tokens=6, logprobs=True, stream=True
    )
    streamed = [
        token.token
        async for chunk in stream
        if chunk.choices and chunk.choices[0].logprobs
        for token in chunk.choices[0].logprobs.content or ()
    ]
    assert streamed == [token.token for token in content]


async def test_how_likely_a_text_is(openai: AsyncOpenAI) -> None:
    text = "The capital of France is Paris."
    scored = await openai.completions.create(model="base", prompt=text, max_tokens=0, echo=True, logprobs=2)
    choice = scored.choices[0]
    assert choice.text == text
    assert choice.logprobs
    assert choice.logprobs.tokens == ["The", " capital", " of", " France", " is", " Paris", "."]
    assert choice.logprobs.text_offset == [0, 3, 11, 14, 21, 24, 30]
    assert choice.logprobs.token_logprobs
    first, *others = choice.logprobs.token_logprobs
    assert first is None
    assert others[4] > -0.5 > others[0]  # Paris is no surprise; that capitals are spoken of is one
    assert choice.logprobs.top_logprobs
    assert " Paris" in choice.logprobs.top_logprobs[5]
    more = await openai.completions.create(model="base", prompt=text[:24], max_tokens=2, echo=True, temperature=0)
    assert more.choices[0].text == text
