"""HTML page: renders the report as one file that works from disk, without a network."""

import base64
import hashlib
import re
from collections.abc import Sequence
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from mmseg_mammo.reporting.document import Case, Cell, Section, Table
from mmseg_mammo.reporting.page.viewer import filters, unique_values, viewer_data
from mmseg_mammo.reporting.tables import MISSING, texts
from mmseg_mammo.visualization.plots import Figure

PAGE = 'index.html'  # its file
_LARGEST_SVG = 500_000  # characters; above it (figures made of photographs) the PNG is smaller
_BADGE = re.compile(r'((?:[^:.]|[:.](?=\S)){1,45})[:.](?:\s+|$)(.*)', re.DOTALL)  # not at 2.1
_NUMBER = re.compile(r'\W{0,2}\d')  # perhaps after a sign
_FILTERS = ('likeness', 'view', 'laterality', 'patient_id')  # of predicted images


def render_page(
    title: str,
    sections: Sequence[Section],
    cases: Sequence[Case],
    notes: Sequence[str],
    truth: bool = True,
) -> str:
    """Render a whole report, or the page of predicted images.

    Args:
        title: Heading of the page.
        sections: Chapters, in order.
        cases: Images of the viewer; without any, the page has no viewer.
        notes: What a reader must know first. What stands before the first colon or full stop is
            shown as a badge where it is short.
        truth: Whether the true lesions of the cases are known. Without them the cases have one
            model, and the viewer shows neither truth nor agreement with it, but links to files.

    Returns:
        HTML with style, script and pictures inside. Everything that is not ours is escaped, and a
        content security policy lets the browser run no other script and load nothing.

    Raises:
        DataFileError: A picture of a case cannot be used.
    """
    data = viewer_data(cases, truth)
    style = _own_file('page.css') + ('' if truth else _own_file('predicted.css'))
    script = _own_file('page.js')
    if cases:
        parts = ('picture.js', 'tested.js' if truth else 'predicted.js', 'viewer.js')
        script += '\n'.join(map(_own_file, parts))
    return (
        _environment()
        .get_template('page.html')
        .render(
            title=title,
            sections=sections,
            notes=notes,
            data=data,
            truth=truth,
            candidates=any(case.candidates for case in cases),
            filters=filters(data['cases'], () if truth else _FILTERS),
            scores=unique_values(
                s for case in cases for scores in case.scores.values() for s in scores
            ),
            style=Markup(style),
            script=Markup(script),
            policy=f"default-src 'none'; img-src data:; style-src {_hash(style)}; "
            f"script-src {_hash(script)}; base-uri 'none'; form-action 'none'",
        )
    )


def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader('mmseg_mammo.reporting.page'),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    # As they come: sorted names would lose the order of models and facts.
    environment.policies['json.dumps_kwargs'] = {
        'ensure_ascii': False,
        'allow_nan': False,
        'separators': (',', ':'),
    }
    environment.tests['table'] = lambda item: isinstance(item, Table)
    environment.filters.update(
        cells=lay_out, picture=data_uri, badge=split_badge, breakable=add_breaks
    )
    return environment


def lay_out(table: Table) -> list[list[dict[str, Any]]]:
    """The cells of a table as they are shown, row by row: the digits are those of its files.

    Returns:
        For each cell ``text``; ``value``, the number itself as text, or None; ``number``, whether
        its column is set like numbers, also one of intervals.
    """
    lines = texts(table)
    numbers = [
        all(_NUMBER.match(text) for text in column if text not in ('', MISSING))
        for column in zip(*lines, strict=True)
    ]
    return [
        [_cell(*parts) for parts in zip(row, line, numbers, strict=True)]
        for row, line in zip(table.rows, lines, strict=True)
    ]


def data_uri(figure: Figure) -> str:
    """The figure for an ``<img>``, where no script inside it can run: SVG, or PNG if that is big."""
    if figure.svg and len(figure.svg) <= _LARGEST_SVG:
        return f'data:image/svg+xml;base64,{base64.b64encode(figure.svg.encode()).decode()}'
    return f'data:image/png;base64,{base64.b64encode(figure.png).decode()}'


def split_badge(note: str) -> tuple[str, str]:
    """Split ``'Weak masks: boxes'`` into ``('Weak masks', 'boxes')``; no badge if it were long."""
    found = _BADGE.match(note)
    return (found[1], found[2]) if found else ('', note)


def add_breaks(text: str) -> Markup:
    """Escape a text, and let it break after the slashes and underscores of paths and names."""
    return Markup(re.sub('([/_])', r'\1<wbr>', str(escape(text))))


def _cell(cell: Cell, text: str, number: bool) -> dict[str, Any]:
    if cell is None or isinstance(cell, str):
        return {'text': text, 'value': None, 'number': number}
    return {'text': text.replace('-', '\N{MINUS SIGN}'), 'value': repr(cell), 'number': number}


def _own_file(name: str) -> str:
    return (resources.files(__package__) / 'templates' / name).read_text(encoding='utf-8')


def _hash(text: str) -> str:
    """What a content security policy calls the inline style or script ``text``."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
