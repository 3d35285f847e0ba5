"""What the user set for Lintune in the editor, asked of the client (workspace/configuration)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lsprotocol import types

if TYPE_CHECKING:
    from lintune_server.language_server.session import Session

SECTION = "lintune"


@dataclass(frozen=True, slots=True)
class _Values:
    inlay_hints: bool = True
    sample_lenses: bool = True
    inline_completion: bool = False
    eval_marks: bool = True


class Settings:
    """`inlayHints`, `sampleLenses` and `evalMarks`, on unless the client says otherwise; `inlineCompletion.enabled`,
    off."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._values = _Values()
        self._draws_marks = False
        self._sample_editor = False

    @property
    def inlay_hints(self) -> bool:
        """Whether samples show their tokens."""
        return self._values.inlay_hints

    @property
    def sample_lenses(self) -> bool:
        """Whether a lens stands above each sample."""
        return self._values.sample_lenses

    @property
    def inline_completion(self) -> bool:
        """Whether the tuned model writes on in answers."""
        return self._values.inline_completion

    @property
    def draws_marks(self) -> bool:
        """Whether the client draws how samples came out, so that no words need to say it."""
        return self._draws_marks and self._values.eval_marks

    @property
    def sample_editor(self) -> bool:
        """Whether the client edits samples as Markdown, by a command `lintune.editSample` of its own."""
        return self._sample_editor

    def begin(self, options: dict[str, Any]) -> None:
        """What the client said when it introduced itself, for those that cannot be asked."""
        self._draws_marks = options.get("evalMarks") is True
        self._sample_editor = options.get("sampleEditor") is True
        self._values = replace(self._values, inline_completion=_switched_on(options))

    async def read(self) -> None:
        """Ask the client, if it can be asked; what is no setting of ours, or of the wrong type, is passed over."""
        workspace = self._session.server.client_capabilities.workspace
        if not workspace or not workspace.configuration:
            return
        items = [types.ConfigurationItem(section=SECTION)]
        answer = await self._session.server.workspace_configuration_async(types.ConfigurationParams(items))
        found = answer[0] if answer else None
        says = _value(found, "inlineCompletion") is not None
        inline = _switched_on(found) if says else self._values.inline_completion
        values = _Values(_said(found, "inlayHints"), _said(found, "sampleLenses"), inline, _said(found, "evalMarks"))
        if values != self._values:
            self._values = values
            self._session.readers.refresh()
            self._session.refresh_lenses()


def _said(found: object, name: str) -> bool:
    return _value(found, name) is not False


def _switched_on(found: object) -> bool:
    return _value(_value(found, "inlineCompletion"), "enabled") is True


def _value(found: object, name: str) -> object:
    return found.get(name) if isinstance(found, dict) else getattr(found, name, None)
