"""Rendering, tokens and the loss mask, on the demo model's own tokenizer and chat template."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lintune_schemas import base_model, model_files
from lintune_schemas.chat import IGNORED_LABEL, ChatTokenizer, RenderedChat
from lintune_schemas.chat_template import TemplateError
from lintune_schemas.conversations import Conversation, Turn

from .. import tokenizers
from . import oracle


@pytest.fixture(scope="module")
def chat() -> ChatTokenizer:
    return model_files.load_tokenizer(base_model.find(base_model.DEMO_MODEL, Path()))


def tokenizer_with(template: str | None) -> ChatTokenizer:
    model = base_model.find(base_model.DEMO_MODEL, Path())
    loaded = model_files.load_tokenizer(model, jinja=template)
    return loaded if template else ChatTokenizer(loaded.tokenizer, None, loaded.special, add_bos=False)


def turn(role: str, content: str, trained: bool | None = None) -> Turn:
    return Turn(role, content, role == "assistant" if trained is None else trained, ())


def talk(*turns: Turn) -> Conversation:
    return Conversation(turns)


HELLO = talk(turn("system", "Be brief."), turn("user", "Hi"), turn("assistant", "Hello!"))
WITHOUT_SYSTEM = Conversation(HELLO.turns[1:])


def learned(chat: ChatTokenizer, conversation: Conversation) -> list[str]:
    """The stretches of text that are learned."""
    found, inside = [], False
    tokenized = chat.tokenize(conversation)
    for id_, (start, end), trained in zip(tokenized.ids, tokenized.offsets, tokenized.trained, strict=True):
        assert chat.tokenizer.id_to_token(id_) is not None
        if trained and inside:
            found[-1] += tokenized.rendered.text[start:end]
        elif trained:
            found.append(tokenized.rendered.text[start:end])
        inside = trained
    return found


def test_renders_as_the_models_template_does(chat):
    rendered = chat.render(HELLO)
    assert rendered.text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
        "<|im_start|>assistant\nHello!<|im_end|>\n"
    )
    assert rendered.exact
    assert [rendered.text[start:end].splitlines()[0] for start, end in rendered.turns] == [
        "<|im_start|>system",
        "<|im_start|>user",
        "<|im_start|>assistant",
    ]


def test_learns_the_answer_and_its_end_but_not_the_line_end_after_it(chat):
    assert learned(chat, HELLO) == ["Hello!<|im_end|>"]


def test_learns_every_answer_but_those_with_weight_0(chat):
    conversation = talk(
        turn("user", "1"),
        turn("assistant", "one", trained=False),
        turn("user", "2"),
        turn("assistant", "two"),
        turn("user", "3"),
        turn("assistant", "three"),
    )
    assert learned(chat, conversation) == ["two<|im_end|>", "three<|im_end|>"]


def test_train_on_inputs_learns_everything(chat):
    tokenized = chat.tokenize(HELLO, train_on_inputs=True)
    assert tokenized.labels == list(tokenized.ids)


def test_labels_are_ids_where_learned(chat):
    tokenized = chat.tokenize(HELLO)
    kept = [label for label in tokenized.labels if label != IGNORED_LABEL]
    assert chat.tokenizer.decode(kept, skip_special_tokens=False) == "Hello!<|im_end|>"
    assert len(tokenized.labels) == len(tokenized.ids)


@given(
    st.lists(st.sampled_from(["a", " word", "<|im_end|>", "\n", "🏠", "e\u0301", "1234", "<|im_start|>"]), max_size=20),
    st.lists(st.integers(0, 60), max_size=6).map(sorted),
)
def test_the_mask_is_what_a_look_at_every_token_gives(chat, pieces, cuts):
    text = "".join(pieces)
    rendered = RenderedChat(text, (), tuple(zip(cuts[::2], cuts[1::2], strict=False)), exact=True)
    assert list(chat.tokenize_rendered(rendered).trained) == oracle.mask(chat, rendered)


def test_the_prompt_is_what_the_whole_begins_with(chat):
    prompt = chat.prompt(HELLO.upto(2))
    assert prompt.endswith("<|im_start|>assistant\n")
    assert chat.render(HELLO).text.startswith(prompt)


def test_tokens_of_turns_add_up(chat):
    conversation = talk(
        turn("user", "🏠 naïve\n\ncafé 123456"),
        turn("assistant", "ok"),
        turn("user", "b"),
        turn("assistant", "c"),
    )
    tokenized = chat.tokenize(conversation)
    assert sum(tokenized.turn_tokens()) == len(tokenized.ids)
    assert all(count > 3 for count in tokenized.turn_tokens())


@pytest.mark.parametrize("known", [False, True], ids=["proven now", "proven before"])
def test_prepared_in_a_process_that_can_still_be_forked(known, tmp_path):
    tokenizers.folder(tokenizers.DEMO)
    shutil.copytree(base_model.cache_folder() / "tokenizers", tmp_path / "lintune" / "tokenizers")
    program = """
import os
from tests import tokenizers
tokenizers.load(tokenizers.DEMO).prepare()
print(len(os.listdir("/proc/self/task")), "numpy" in __import__("sys").modules)
"""
    root = Path(__file__).parents[2]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    for _ in range(1 + known):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=root, env=environment, capture_output=True, text=True, check=True
        )
    assert done.stdout.split() == ["1", "True"]


def test_small_batches_load_neither_numpy_nor_the_fast_tokenizer():
    program = """
from lintune_schemas.conversations import Conversation, Turn
from tests import tokenizers
hello = Conversation((Turn("user", "Hi", False, ()), Turn("assistant", "Hello", True, ())))
tokenizers.load(tokenizers.DEMO).measure([hello] * 10)
modules = __import__("sys").modules
print([name for name in ("numpy", "tokie", "lintune_schemas.template_tracer") if name in modules])
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program], cwd=root, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_text_of_special_tokens_is_found_the_longest_first(chat):
    assert chat.special_pattern.findall("a<|im_end|>b<|endoftext|><|im_en|>") == ["<|im_end|>", "<|endoftext|>"]


def test_without_a_template_texts_follow_each_other_and_end_with_eos():
    chat = tokenizer_with(None)
    assert chat.render(WITHOUT_SYSTEM).text == f"HiHello!{chat.eos_token}"
    assert learned(chat, WITHOUT_SYSTEM) == [f"Hello!{chat.eos_token}"]


def test_a_template_that_rewrites_earlier_turns_is_called_inexact():
    chat = tokenizer_with(
        "{% for m in messages %}{{ '<|im_start|>' ~ m.role ~ (loop.last and ' (last)' or '') }}\n"
        "{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
    )
    assert not chat.render(HELLO).exact


def test_what_a_template_refuses_comes_in_its_own_words():
    chat = tokenizer_with("{{ raise_exception('Conversation roles must alternate') }}")
    with pytest.raises(TemplateError, match="Conversation roles must alternate"):
        chat.render(HELLO)


@pytest.mark.parametrize(
    "template",
    [
        "{{ messages.__class__.__mro__[1].__subclasses__() }}",
        "{{ cycler.__init__.__globals__ }}",
        "{% for a in range(99999) %}{% for b in range(99999) %}{{ 'x' * 999 }}{% endfor %}{% endfor %}",
        "{% for",
    ],
    ids=["classes", "globals", "endless", "broken"],
)
def test_a_hostile_template_does_no_harm(template):
    with pytest.raises(TemplateError):
        tokenizer_with(template).render(HELLO)


def test_a_template_that_does_not_end_is_asked_once(monkeypatch):
    chat = tokenizer_with("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}")
    asked = []
    render = ChatTokenizer.render
    monkeypatch.setattr(ChatTokenizer, "render", lambda self, asking: asked.append(asking) or render(self, asking))
    found = chat.measure([HELLO] * 50)
    assert [str(error) for error in found] == ["The chat template did not end within 2 seconds."] * 50
    assert len(asked) == 1
