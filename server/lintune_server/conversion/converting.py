"""Writing a file's samples as JSON Lines."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from lintune_schemas import atomic, chat_samples, exact_json, layouts
from lintune_schemas.chat_samples import NoChatError
from lintune_schemas.errors import LintuneError
from lintune_server.conversion.items import Left, Taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from lintune_server.conversion.sources import Source


@dataclass(slots=True)
class Count:
    """What became of a file."""

    converted: int = 0
    left: int = 0
    """What could not be converted: samples, and what stands between them."""


class _NothingConvertedError(Exception):
    """So that no empty file is written."""


def convert(
    source: Source,
    target: Path | BinaryIO,
    tell: Callable[[Left], None],
    *,
    to_messages: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Count:
    """Write every sample on a line of its own, as it was written, to a file that is there once it is whole.

    tell: told of each thing that cannot be converted, in the order of the file. to_messages: write conversations as
    OpenAI chat. No file is written when no sample could be converted. Raises LintuneError, and OSError.
    """
    count = Count()
    try:
        if isinstance(target, Path):
            with atomic.new_file(target) as partial, partial.open("wb") as out:
                _write(source, out, tell, count, to_messages, progress)
                if not count.converted:
                    raise _NothingConvertedError
        else:
            _write(source, target, tell, count, to_messages, progress)
    except _NothingConvertedError:
        pass
    except OSError as error:
        if not isinstance(target, Path) or error.filename == str(source.path):
            raise
        raise LintuneError(f"{target} could not be written: {error.strerror or error}.") from error
    if not count.converted and not count.left:
        raise LintuneError(f"There is no sample in {source.path}.")
    return count


def _write(
    source: Source,
    out: BinaryIO,
    tell: Callable[[Left], None],
    count: Count,
    to_messages: bool,
    progress: Callable[[int, int], None],
) -> None:
    for item in source.items(progress):
        found = _as_chat(item) if to_messages and isinstance(item, Taken) else item
        if isinstance(found, Taken):
            try:
                line = found.text.encode()
            except UnicodeEncodeError:
                found = Left(found.place, f"it holds bytes that are not {source.encoding}")
            else:
                out.write(line + b"\n")
                count.converted += 1
                continue
        count.left += 1
        tell(found)


def _as_chat(item: Taken) -> Taken | Left:
    """The sample as OpenAI chat; as it is when it is that already, or a preference pair."""
    try:
        sample = exact_json.loads(item.text)
    except (ValueError, RecursionError) as error:
        return Left(item.place, str(error))
    layout = layouts.detect(sample)
    if layout is None:
        return Left(item.place, "it is in none of the known formats")
    try:
        chat = chat_samples.to_chat(sample, layout)
        return item if chat is sample else Taken(item.place, exact_json.dumps(chat))
    except NoChatError as error:
        return Left(item.place, f"{error}: it cannot be written as messages")
    except (ValueError, KeyError, TypeError, AttributeError):
        return Left(item.place, f"it is no sound {layout.format} sample: lintune check says what is wrong with it")
