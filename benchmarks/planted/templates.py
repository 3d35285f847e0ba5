"""Chat templates for recipes: sound ones, and ones with a mistake each."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

_PROMPT = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
_TURN = "<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n"


@dataclass(frozen=True)
class Template:
    name: str
    text: str
    also: tuple[str, ...] = ()
    """Further rules that are right about everything this template writes."""

    @property
    def slug(self) -> str:
        """The name as part of a folder's."""
        return re.sub(r"\W+", "-", self.name)

    @property
    def recipe(self) -> dict[str, Any]:
        return {"chat_template": "jinja", "chat_template_jinja": self.text}


def _loop(body: str, before: str = "", prompt: str = _PROMPT) -> str:
    return f"{before}{{% for message in messages %}}{body}{{% endfor %}}{prompt}"


CHATML = Template("chatml", _loop(_TURN))

TRIMMING = Template("trimming", _loop(_TURN.replace("message['content']", "message['content'] | trim")))
"""White space around a content never reaches the model."""

ALTERNATING = Template(
    "alternating",
    _loop(
        "{% if message['role'] != 'system' %}"
        "{% if (message['role'] == 'user') != (state.turns % 2 == 0) %}"
        "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
        "{% set state.turns = state.turns + 1 %}{% endif %}" + _TURN,
        before="{% set state = namespace(turns=0) %}",
    ),
)

TOOLS = Template(
    "tools",
    "{% if tools %}<|im_start|>system\nYou may call these functions:\n"
    "{% for tool in tools %}{{ tool | tojson }}\n{% endfor %}<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{% if message['content'] %}{{ message['content'] }}{% endif %}"
    "{% for call in message['tool_calls'] or [] %}call: {{ call['function']['name'] }} with "
    "{% set given = call['function']['arguments'] %}{{ given if given is string else given | tojson }}{% endfor %}"
    "<|im_end|>\n{% endfor %}" + _PROMPT,
)
"""Writes tools, calls and results, in words that no tokenizer takes for special tokens."""

NO_END_TOKEN = (
    Template("no end token", _loop(_TURN.replace("<|im_end|>", ""))),
    Template(
        "end token between turns only",
        _loop(
            "{% if not loop.first %}<|im_end|>\n{% endif %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}",
            prompt="{% if add_generation_prompt %}<|im_end|>\n<|im_start|>assistant\n{% endif %}",
        ),
    ),
    Template(
        "end token after the user only",
        _loop(_TURN.replace("<|im_end|>", "{{ '<|im_end|>' if message['role'] == 'user' else '' }}")),
    ),
    Template("another model's end token", _loop(_TURN.replace("<|im_end|>", "</s>")), also=("TK204",)),
    Template("a stop word", _loop(_TURN.replace("<|im_end|>", "\nEND"))),
)
"""TK203: what is trained does not end with a token at which the model stops."""

_NO_BOS = ("TK206",)
"""The demo model's own template begins with its BOS, `<|im_start|>`: what begins otherwise may be said to lack it."""

IN_PIECES = (
    Template(
        "Phi",
        _loop(
            "<|{{ message['role'] }}|>\n{{ message['content'] }}<|end|>\n",
            prompt="{% if add_generation_prompt %}<|assistant|>\n{% endif %}",
        ),
        also=_NO_BOS,
    ),
    Template(
        "Gemma",
        _loop(
            "<start_of_turn>{{ message['role'] }}\n{{ message['content'] }}<end_of_turn>\n",
            prompt="{% if add_generation_prompt %}<start_of_turn>assistant\n{% endif %}",
        ),
        also=_NO_BOS,
    ),
    Template(
        "Llama 3",
        _loop(
            "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n{{ message['content'] }}<|eot_id|>",
            prompt="{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}",
        ),
        also=_NO_BOS,
    ),
    Template("ChatML with a typo at the end", _loop(_TURN.replace("im_end", "im_stop"))),
    Template("ChatML with a typo at the start", CHATML.text.replace("im_start", "im_begin"), also=_NO_BOS),
)
"""TK204: special tokens of other models, or none's."""

DOUBLED_BOS = (
    Template("template and turn", _loop(_TURN, before="{{ bos_token }}")),
    Template("twice at the start", _loop(_TURN, before="{{ bos_token }}{{ bos_token }}")),
)
"""TK206 with a model whose BOS is `<|im_start|>`."""

SPELLED = "{{ message['role'] }}: {{ message['content'] }}{{ eos_token }}\n"
_SPELLED_PROMPT = "{% if add_generation_prompt %}assistant: {% endif %}"
WITH_BOS = Template("with BOS", _loop(SPELLED, before="{{ bos_token }}", prompt=_SPELLED_PROMPT))
"""For the small model of `small_model`: sound."""

WRONG_BOS = (
    Template("BOS twice", _loop(SPELLED, before="{{ bos_token }}{{ bos_token }}", prompt=_SPELLED_PROMPT)),
    Template("BOS by name and as text", _loop(SPELLED, before="{{ bos_token }}<s>", prompt=_SPELLED_PROMPT)),
    Template("no BOS", _loop(SPELLED, prompt=_SPELLED_PROMPT)),
)
"""TK206 with that model."""

REFUSING = (
    Template(
        "no system turn",
        _loop(
            "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}" + _TURN
        ),
    ),
    Template(
        "a limit on turns",
        _loop(
            _TURN,
            before="{% if messages | length > 3 %}{{ raise_exception('At most three messages') }}{% endif %}",
        ),
    ),
    Template(
        "a mistake in its code",
        _loop("{% if message['role'] == 'system' %}{{ 1 / (loop.index0 - loop.index0) }}{% endif %}" + _TURN),
    ),
)
"""TK207: each refuses some samples."""

NOTHING_TRAINED = (
    Template("users only", _loop("{% if message['role'] != 'assistant' %}" + _TURN + "{% endif %}", prompt="")),
    Template("without the assistant's words", _loop("{% if message['role'] == 'user' %}" + _TURN + "{% endif %}")),
)
"""TK208: what the assistant says is not written."""

NO_PREFIX = (
    Template(
        "counts the turns first",
        _loop(_TURN, before="<|im_start|>system\n{{ messages | length }} messages<|im_end|>\n"),
    ),
    Template("newest first", _loop(_TURN).replace("in messages %}", "in messages | reverse %}")),
    Template(
        "a token across the boundary",
        _loop(
            "{{ message['role'] | capitalize }}: {{ message['content'] }}<|im_end|>\n",
            prompt="{% if add_generation_prompt %}Assistant: {% endif %}",
        ),
        also=_NO_BOS,
    ),
)
"""TK209: the mask cannot be exact for any sample."""

FORGETTING = Template(
    "drops earlier thoughts",
    _loop(
        "<|im_start|>{{ message['role'] }}\n"
        "{% if message['role'] == 'assistant' and not loop.last %}{{ message['content'].split('</think>')[-1] | trim }}"
        "{% else %}{{ message['content'] }}{% endif %}<|im_end|>\n"
    ),
)
"""TK209, as Qwen 3's: where an earlier answer begins with its reasoning, it is written without when more follows."""
