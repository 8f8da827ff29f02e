"""Table export: CSV, Markdown and LaTeX with the same digits."""

import csv
import io
import re

from mmseg_mammo.reporting.document import Cell, Table

MISSING = '–'
_LATEX = {
    **{sign: f'\\{sign}' for sign in '&%$#_{}'},
    '\\': r'\textbackslash{}',
    '~': r'\textasciitilde{}',
    '^': r'\textasciicircum{}',
    '≥': r'$\geq$',
    '≤': r'$\leq$',
    '<': r'$<$',
    '>': r'$>$',
    '→': r'$\rightarrow$',
    '×': r'$\times$',
    '−': r'$-$',
    '–': '--',
    '…': r'\ldots{}',
    'β': r'$\beta$',
    '²': r'\textsuperscript{2}',
    'Σ': r'$\Sigma$',
}


def texts(table: Table) -> tuple[tuple[str, ...], ...]:
    """Cells as text: as many digits in a column as its longest number has; – for None."""
    digits = [max(map(_digits, column), default=0) for column in zip(*table.rows, strict=True)]
    return tuple(
        tuple(_text(cell, places) for cell, places in zip(row, digits, strict=True))
        for row in table.rows
    )


def _digits(cell: Cell) -> int:
    """Decimal places of a number that was rounded."""
    return len(f'{cell:.6f}'.rstrip('0').partition('.')[2]) if isinstance(cell, float) else 0


def _text(cell: Cell, digits: int) -> str:
    if cell is None:
        return MISSING
    return f'{cell:.{digits}f}' if isinstance(cell, float) else str(cell)


def is_numeric(table: Table, column: int) -> bool:
    """Whether a column has numbers only."""
    values = [row[column] for row in table.rows if row[column] is not None]
    return bool(values) and not any(isinstance(value, str) for value in values)


def to_csv(table: Table) -> str:
    """RFC 4180 with a header; an empty cell where there is no value."""
    stream = io.StringIO(newline='')
    writer = csv.writer(stream, lineterminator='\n')
    writer.writerow(table.columns)
    for row, line in zip(table.rows, texts(table), strict=True):
        writer.writerow('' if cell is None else text for cell, text in zip(row, line, strict=True))
    return stream.getvalue()


def to_markdown(table: Table) -> str:
    """A pipe table below its title; the notes as a list."""
    rule = ['---:' if is_numeric(table, i) else '---' for i in range(len(table.columns))]
    lines = [table.columns, rule, *texts(table)]
    body = '\n'.join(f'| {" | ".join(map(_markdown, line))} |' for line in lines)
    notes = ''.join(f'- {_markdown(note)}\n' for note in table.notes)
    return f'**{_markdown(table.title)}**\n\n{body}\n' + (f'\n{notes}' if notes else '')


def _markdown(text: str) -> str:
    return re.sub(r'([\\|*_`<\[])', r'\\\1', ' '.join(text.split()))


def to_latex(table: Table) -> str:
    r"""A ``table`` environment that needs no package; the notes below it."""
    aligned = ''.join('r' if is_numeric(table, i) else 'l' for i in range(len(table.columns)))
    rows = [' & '.join(map(_latex, line)) + r' \\' for line in texts(table)]
    header = ' & '.join(map(_latex, table.columns)) + r' \\'
    lines = [
        *(r'\begin{table}', r'\centering', rf'\caption{{{_latex(table.title)}}}'),
        *(rf'\label{{tab:{re.sub(r"[^A-Za-z0-9-]", "-", table.name)}}}',),
        *(rf'\begin{{tabular}}{{{aligned}}}', r'\hline', header, r'\hline', *rows, r'\hline'),
        r'\end{tabular}',
        *(rf'\par\footnotesize {_latex(note)}' for note in table.notes),
        r'\end{table}',
    ]
    return '\n'.join(lines) + '\n'


def _latex(text: str) -> str:
    return ''.join(_LATEX.get(sign, sign) for sign in ' '.join(text.split()))
