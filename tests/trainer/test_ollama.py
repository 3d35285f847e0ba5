"""The Modelfile for Ollama: the template in its language gives the prompts that the model was trained with."""

import json
import re
from pathlib import Path

import pytest

from lintune_schemas import model_files
from lintune_schemas.recipe import from_mapping
from lintune_trainer import ollama
from tests import tokenizers

RECIPE = from_mapping({"base_model": "model", "datasets": [{"path": "a.jsonl"}]}, "recipe.yaml")
CHATS = [
    [("user", "Lamp on.")],
    [("user", "Lamp on."), ("assistant", "{}"), ("user", '"""Off."""\n{{ .Role }}')],
    [("system", "Be brief."), ("user", "Lamp on."), ("assistant", "{}"), ("user", "灯")],
]


def executed(template: str, messages: list[tuple[str, str]]) -> str:
    """What Go makes of a template of this kind: conditions, `range`, one variable, texts."""
    actions = re.findall(r"\{\{- (.*?) -\}\}", template)
    assert re.sub(r"\{\{- .*? -\}\}\n?", "", template) == ""
    body = actions[2:-1]
    assert (actions[:2], actions[-1]) == (['$last := ""', "range .Messages"], "end")
    text, last = "", ""
    for role, content in messages:
        taken: list[bool] = []  # of each open `if`: whether one of its branches was
        open_: list[bool] = []
        for action in body:
            condition = re.fullmatch(r'(else )?if eq (\.Role|\$last) "(\w*)"', action)
            if condition or action == "else":
                holds = condition is None or {".Role": role, "$last": last}[condition[2]] == condition[3]
                if condition and not condition[1]:
                    taken.append(False)
                    open_.append(False)
                open_[-1] = holds and not taken[-1]
                taken[-1] |= holds
            elif action == "end":
                taken.pop()
                open_.pop()
            elif all(open_):
                if action == "$last = .Role":
                    last = role
                else:
                    text += content if action == ".Content" else json.loads(action)
    return text


@pytest.mark.parametrize("name", [name for name in tokenizers.PARAMS if name.values[0] not in ("gemma2", "llama2")])
def test_the_prompts_are_those_of_the_chat_template(name: str) -> None:
    chat = tokenizers.load(name)
    assert chat.template is not None
    template = ollama.go_template(chat)
    assert template is not None
    for messages in CHATS:
        asked = [{"role": role, "content": content} for role, content in messages]
        expected = chat.template.render(asked, add_generation_prompt=True)
        if chat.add_bos:  # Ollama does, as the GGUF file says
            expected = expected.removeprefix(chat.special["bos_token"])
        assert executed(template, messages) == expected


def with_template(folder: Path, template: str) -> str | None:
    chat = model_files.load_tokenizer_folder(tokenizers.folder(tokenizers.DEMO), "jinja", template)
    ollama.write(folder, folder / "model-q8_0.gguf", chat, RECIPE)
    return ollama.go_template(chat)


@pytest.mark.parametrize(
    "template",
    [
        "{% for message in messages %}{{ loop.index }}: {{ message.content }}\n{% endfor %}",
        "{{ messages[-1].content }}",
        "{% for message in messages %}{{ message.content | upper }}{% endfor %}",
        "{{ raise_exception('No.') }}",
    ],
)
def test_what_is_more_than_texts_around_messages_is_left_to_a_person(tmp_path: Path, template: str) -> None:
    assert with_template(tmp_path, template) is None
    written = (tmp_path / ollama.NAME).read_text(encoding="utf-8")
    assert "\nTEMPLATE" not in written
    assert "# The chat template could not be written" in written


def test_a_template_without_system_messages(tmp_path: Path) -> None:
    found = with_template(
        tmp_path,
        "{% for message in messages %}{% if message.role == 'system' %}{{ raise_exception('None.') }}{% endif %}"
        "<{{ message.role }}>{{ message.content }}\n{% endfor %}{% if add_generation_prompt %}<assistant>{% endif %}",
    )
    assert found is not None
    assert executed(found, [("system", "Be brief."), ("user", "On.")]) == "<user>On.\n<assistant>"


def test_the_modelfile(tmp_path: Path) -> None:
    chat = tokenizers.load(tokenizers.DEMO)
    ollama.write(tmp_path, tmp_path / "model-q4_k_m.gguf", chat, RECIPE)
    written = (tmp_path / ollama.NAME).read_text(encoding="utf-8")
    assert written.startswith('FROM ./model-q4_k_m.gguf\nTEMPLATE """{{-')
    assert written.count('"""') == 2
    assert written.endswith('"""\nPARAMETER stop "<|im_end|>"\nPARAMETER temperature 0\n')
