"""Card: fields and tables as one page of Markdown, and what people tell beside what is measured."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.files import read_json, write_atomic
from mmseg_mammo.reporting.document import Table
from mmseg_mammo.reporting.tables import to_markdown
from mmseg_mammo.version import __version__

CARD = 'card.md'
UNKNOWN = 'Unknown: nobody told.'
NO_DEVICE = 'Not a medical device.'
_MARK = (
    '<!-- Written by mammoseg card, and written anew by it: tell it what you know by --facts. -->'
)
_END = '<!-- end of the card '  # and JSON: hash of what is above, and what people told


@dataclass(frozen=True)
class Field:
    """A field of a card: its name, what is known, and tables that belong to it."""

    name: str
    text: str = ''
    tables: tuple[Table, ...] = ()


@dataclass(frozen=True)
class Group:
    """A group of fields, as CHAI's card has them."""

    name: str
    fields: tuple[Field, ...]


def read_facts(path: Path | None, groups: Sequence[Group]) -> dict[str, str]:
    """What people tell: a JSON object of texts by the names of fields.

    Args:
        path: The file; None tells nothing.
        groups: Of the card.

    Raises:
        DataFileError: It is no such object, or names a field that the card does not have.
    """
    if path is None:
        return {}
    told = read_json(path, 'Write {"Model developer": "…"}')
    names = [field.name for group in groups for field in group.fields]
    for name, text in told.items():
        if name not in names:
            raise DataFileError(f'{path}: {name!r} is no field of the card', ', '.join(names))
        if not isinstance(text, str):
            raise DataFileError(f'{path}: {name!r} is {text!r}', 'a text')
    return told


def render_card(title: str, groups: Sequence[Group], told: Mapping[str, str]) -> str:
    """A card as Markdown: what people tell comes first in a field, what is measured below it.

    Args:
        title: Of the page.
        groups: With what is known; an empty field is said to be unknown.
        told: Of :func:`read_facts`.
    """
    lines = [_MARK, '', f'# {title}', '', f'**{NO_DEVICE}** Groups and fields are those of the']
    lines += [
        'Applied Model Card of CHAI, v0.2, where it has them. No sentence here is a promise.',
        '',
    ]
    for group in groups:
        lines += [f'## {group.name}', '']
        for field in group.fields:
            texts = [told.get(field.name, ''), field.text]
            shown = [text for text in texts if text] or [UNKNOWN] * (not field.tables)
            lines += [f'### {field.name}', '']
            lines += [line for text in shown for line in (text, '')]
            for table in field.tables:
                lines += [to_markdown(table).rstrip('\n'), '']
    lines.append(f'mmseg_mammo {__version__}. {NO_DEVICE}')
    text = '\n'.join(lines) + '\n'
    end = json.dumps({'sha256': _hash_of(text), 'told': dict(told)}).replace('--', '-\\u002d')
    return f'{text}{_END}{end} -->\n'


def told_in(path: Path) -> dict[str, str]:
    """What people told an earlier card, to be told again by one that takes its place.

    Args:
        path: Of the card; perhaps none, or somebody's own file.
    """
    end = _read_end(path)
    return {name: text for name, text in (end.get('told') or {}).items() if isinstance(text, str)}


def write_card(path: Path, text: str, unasked: bool = False) -> None:
    """Write a card, atomically; only a card that this program wrote, and nobody changed, is written over.

    Args:
        path: The file.
        text: Of :func:`render_card`.
        unasked: Whether nobody asked for it. Then a card of an earlier version stays too, which
            does not tell whether somebody changed it.

    Raises:
        MammoError: The file is somebody's own.
    """
    if path.exists():
        content = path.read_text(encoding='utf-8', errors='replace')
        end = _read_end(path)
        fault = ''
        if not content.startswith(f'{_MARK}\n'):
            fault = 'was not written by this program'
        elif end and end.get('sha256') != _hash_of(content.rpartition(_END)[0]):
            fault = 'was changed by hand'
        elif unasked and not end:
            fault = 'is of an earlier version, and may have been changed by hand'
        if fault:
            raise MammoError(
                f'{path} {fault}',
                'a new file, or an earlier card as it was written',
                'Name another file with mammoseg card --out, or tell by --facts and remove this one',
            )
    write_atomic(path, lambda stream: stream.write(text.encode()))


def _hash_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _read_end(path: Path) -> dict[str, Any]:
    """What the last line of a card tells; empty of other files, and of cards of earlier versions."""
    if not path.is_file():
        return {}
    _, line, last = path.read_text(encoding='utf-8', errors='replace').rpartition(_END)
    if not line:
        return {}
    try:
        found = json.loads(last.removesuffix(' -->\n'))
    except ValueError:  # somebody was here
        return {'sha256': ''}
    return found if isinstance(found, dict) else {'sha256': ''}
