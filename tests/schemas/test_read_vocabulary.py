"""What is read off the source of an Axolotl release: facts, without running it."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "schemas" / "read_vocabulary.py"

CONFIG = '''
from pydantic import BaseModel, Field

raise SystemExit("never run")

Kind = Literal["a", "b"]


class Colour(str, Enum):
    """A choice"""

    RED = "red"
    BLUE = "blue"


class Base(BaseModel):
    shared: bool = False


class Small(Base):
    LIMIT: ClassVar[int] = 3
    kind: Kind = "a"
    colour: Colour = Field(default=Colour.RED, description="said")


class AxolotlInputConfig(Base):
    rank: int | None = Field(default=8, ge=1, le=64, json_schema_extra={"description": "said"})
    names: Annotated[list[str], MinLen(1)] | None = None
    small: "Small | None" = Field(default=None, deprecated="Use another")
    renamed: dict | None = Field(default=None, alias="model_config")
    colour: Optional[Colour]

    def check(self):
        return self
'''
PLUGIN = "class PluginArgs(BaseModel):\n    plugin_bytes: int = 256 << 20\n    plugin_tasks: List[StrictStr] = []\n"


@pytest.fixture
def vocabulary(tmp_path):
    (tmp_path / "src/axolotl/utils/schemas").mkdir(parents=True)
    (tmp_path / "src/axolotl/integrations/liger").mkdir(parents=True)
    (tmp_path / "src/axolotl/utils/schemas/config.py").write_text(CONFIG)
    (tmp_path / "src/axolotl/integrations/liger/args.py").write_text(PLUGIN)
    return runpy.run_path(str(SCRIPT))["vocabulary"](tmp_path, "9.9 (2026-01)")


def test_types_defaults_and_bounds(vocabulary):
    assert vocabulary["sections"]["config.AxolotlInputConfig"] == {
        "rank": {"type": "int | None", "default": 8, "bounds": {"ge": "1", "le": "64"}},
        "names": {"type": "list[str] | None"},
        "small": {"type": "Small | None", "deprecated": True},
        "renamed": {"type": "dict | None", "alias": "model_config"},
        "colour": {"type": "Colour | None"},
    }


def test_sections_have_the_keys_of_what_they_build_on(vocabulary):
    small = vocabulary["sections"]["config.Small"]
    assert small["shared"] == {"type": "bool", "default": False}
    assert small["kind"] == {"type": "Literal['a', 'b']", "default": "a"}
    assert small["colour"] == {"type": "Colour"}
    assert "LIMIT" not in small


def test_plugins_and_enums(vocabulary):
    assert vocabulary["sections"]["liger.PluginArgs"] == {
        "plugin_bytes": {"type": "int", "default": 268435456},
        "plugin_tasks": {"type": "list[str]", "default": []},
    }
    assert vocabulary["enums"] == {"Colour": ["red", "blue"]}


def test_no_text_is_taken_over(vocabulary):
    assert "said" not in json.dumps(vocabulary)
    assert "9.9 (2026-01)" in vocabulary["source"]
