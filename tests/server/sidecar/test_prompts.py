"""The model sees exactly the tokens of the prompt: BOS and control tokens, on a model with other ones."""

import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import httpx
import pytest
from gguf import GGUFReader

from lintune_server.sidecar.client import SidecarClient, SidecarError

from .worker_process import TOKEN, Worker, running

pytestmark = pytest.mark.slow

_CONTROL = 3  # LLAMA_TOKEN_TYPE_CONTROL


@pytest.fixture(scope="module")
def altered(demo_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Worker]:
    """The demo model, but it wants a BOS (`<|im_start|>`), and its template refuses everything.

    Its line end is a control token, which has no text.
    """
    path = tmp_path_factory.mktemp("altered") / "altered.gguf"
    shutil.copyfile(demo_model, path)
    fields = GGUFReader(path, "r+").fields
    tokens = fields["tokenizer.ggml.tokens"]
    line_end = next(i for i, part in enumerate(tokens.data) if bytes(tokens.parts[part]).decode() == "Ċ")
    kinds = fields["tokenizer.ggml.token_type"]
    kinds.parts[kinds.data[line_end]][0] = _CONTROL
    add_bos = fields["tokenizer.ggml.add_bos_token"]
    add_bos.parts[add_bos.data[0]][0] = True
    template = fields["tokenizer.chat_template"]
    room = template.parts[template.data[0]]
    room[:] = bytearray(b"{{ raise_exception('roles must alternate') }}".ljust(len(room)))
    with running({"altered": path}, "--context", "256") as worker:
        yield worker


@pytest.fixture
async def client(altered: Worker) -> AsyncIterator[SidecarClient]:
    client = SidecarClient(altered.port, TOKEN)
    yield client
    await client.close()


async def count(worker: Worker, prompt: str | list[int], **fields: object) -> int:
    """How many tokens the model sees of a prompt that is sent as any client would."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=worker.url, headers=headers, trust_env=False) as http:
        response = await http.post("/v1/completions", json={"prompt": prompt, "max_tokens": 1, **fields})
    return int(response.json()["usage"]["prompt_tokens"])


async def test_a_bos_is_added_once_and_only_to_a_text(altered: Worker, client: SidecarClient) -> None:
    hello = await client.tokenize("Hello")
    assert 1 not in hello
    assert await count(altered, "Hello") == len(hello) + 1
    assert await count(altered, "<|im_start|>Hello") == len(hello) + 1
    assert await count(altered, hello) == len(hello)
    assert await count(altered, "Hello", add_special_tokens=False) == len(hello)


async def test_our_client_sends_prompts_that_are_rendered_already(client: SidecarClient) -> None:
    hello = await client.tokenize("Hello")
    assert (await client.complete("Hello", max_tokens=1)).prompt_tokens == len(hello)
    plain = await client.complete("Hello", max_tokens=1, add_special_tokens=True)
    assert plain.prompt_tokens == len(hello) + 1


async def test_a_control_token_can_be_a_stop_sequence(client: SidecarClient) -> None:
    prompt = "a\nb\nc\nd\ne\nf\ng\n"
    free = await client.complete(prompt, max_tokens=6)
    assert (free.text, free.finish_reason) == ("hij", "length")
    stopped = await client.complete(prompt, max_tokens=6, stop=["\n"])
    assert (stopped.text, stopped.finish_reason, stopped.completion_tokens) == ("h", "stop", 2)


async def test_a_chat_that_the_template_refuses(client: SidecarClient) -> None:
    for ask in (client.chat, client.render):
        with pytest.raises(SidecarError, match="refuses this: roles must alternate") as refused:
            await ask([{"role": "user", "content": "Hello"}])
        assert (refused.value.status, refused.value.code) == (400, "chat_template")
