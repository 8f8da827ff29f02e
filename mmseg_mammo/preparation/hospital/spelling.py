"""Spellings of a hospital: the words for one value of a column, and what users say of their own."""

import unicodedata
from collections.abc import Collection, Mapping, Sequence

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.index import ANNOTATED, PATHOLOGIES, SPLITS, VIEWS
from mmseg_mammo.io.mask import IMAGE_LABEL
from mmseg_mammo.preparation.hospital.names import tells_nothing

NOT_ANNOTATED = 'not-annotated'
EMPTY_MASK_MEANINGS = ('normal', NOT_ANNOTATED)
_OPTIONS = ('source',)  # columns of index.csv that an option sets, not a table
# Of masks of patients; what is made from phantoms says so by itself.
DRAWN = ('contour', 'weak')

# Column -> what a cell may say, in small letters -> what the index says.
_SPELLINGS: Mapping[str, Mapping[str, str]] = {
    'laterality': {'': '', 'l': 'LEFT', 'left': 'LEFT', 'r': 'RIGHT', 'right': 'RIGHT'},
    'view': {name.lower(): name for name in VIEWS},
    'split': {name: name for name in ('', *SPLITS)} | {'training': 'train', 'validation': 'val'},
    'pathology': {n: n for n in ('', *PATHOLOGIES)} | {'b': 'benign', 'm': 'malignant'},
    'annotated': {name: name for name in ('', *ANNOTATED)} | {NOT_ANNOTATED: 'no'},
    'mask_kind': {name: name for name in ('', *DRAWN, IMAGE_LABEL)},
}
_MAY_TELL_NOTHING = ('laterality', 'view', 'pathology', 'mask_kind')
# Cells of these join several terms by '+'.
_JOINED = ('finding', 'pathology')


def spell(name: str, cell: str) -> str:
    """A cell as the index has it; '' where it tells nothing.

    Args:
        name: Our name of its column.
        cell: What the table says.

    Raises:
        DataIndexError: The column has a list of values, and this is none of them.

    >>> spell('laterality', 'l'), spell('density', 'C')
    ('LEFT', 'C')
    """
    if name not in _SPELLINGS:
        return cell
    if name == 'pathology' and '+' in cell:
        return '+'.join(spell(name, term) for term in cell.split('+'))
    spellings = _SPELLINGS[name]
    key = cell.strip().lower()
    key = key if key in spellings else key.replace(' ', '_')
    if key not in spellings and name in _MAY_TELL_NOTHING and tells_nothing(key):
        return ''
    if key not in spellings:
        remedy = f'Correct the cell, or say what yours mean: --value {name} THEIRS=OURS …'
        raise DataIndexError(f'{name} {cell!r}', _allowed(name), remedy)
    return spellings[key]


def check_word(name: str, word: str, option: str) -> None:
    """Refuse a word of the command line that is no value of its column.

    Args:
        name: Our name of the column.
        word: What the user gives as ours.
        option: What the error names.

    Raises:
        DataIndexError: It is none.
    """
    try:
        spell(name, word)
    except DataIndexError:
        raise DataIndexError(option, _allowed(name)) from None


def check_column(name: str, columns: Collection[str]) -> None:
    """Refuse a column of the command line that a table cannot have.

    Raises:
        DataIndexError: It is none of ``columns``.
    """
    if name not in columns:
        option = f'--{name.replace("_", "-")}'
        remedy = f'It is one value for the whole folder: {option}' if name in _OPTIONS else ''
        raise DataIndexError(f'Column {name!r}', ', '.join(columns), remedy)


def fixed_cells(fixed: Mapping[str, str], columns: Collection[str]) -> dict[str, str]:
    """The cells of a row that says nothing but what is fixed for all rows.

    Args:
        fixed: Column -> value.
        columns: The names that a column may have.

    Raises:
        DataIndexError: There is no such column, or it has no such value.
    """
    for name, value in fixed.items():
        check_column(name, columns)
        check_word(name, value, f'--set {name}={value}')
    return {**dict.fromkeys(columns, ''), **fixed}


def parse_values(
    option: Sequence[Sequence[str]], columns: Sequence[str]
) -> dict[str, dict[str, str]]:
    """What ``--value COLUMN THEIRS=OURS …`` says, once for each time it is given.

    Args:
        option: The words of each.
        columns: The names a column may have.

    Returns:
        Column -> their word, folded -> ours. The empty word is an empty cell.

    Raises:
        DataIndexError: No such column; no pair; a word of two meanings; or ours is no value of
            the column.
    """
    found: dict[str, dict[str, str]] = {}
    for name, *pairs in option:
        if name not in columns:
            raise DataIndexError(f'--value {name}', ', '.join(columns))
        if not pairs:
            raise DataIndexError(f'--value {name}', f'--value {name} THEIRS=OURS …')
        for pair in pairs:
            theirs, equals, ours = pair.rpartition('=')
            if not equals:
                raise DataIndexError(f'--value {name} {pair}', 'THEIRS=OURS')
            check_word(name, ours, f'--value {name} {pair}')
            known = found.setdefault(name, {})
            if known.setdefault(_fold(theirs), ours) != ours:
                raise DataIndexError(
                    f'--value {name}: {theirs!r} means {known[_fold(theirs)]!r} and {ours!r}',
                    'one meaning of a word',
                )
    return found


def translate(name: str, cell: str, values: Mapping[str, Mapping[str, str]]) -> str:
    """A cell of their words in ours; words that nothing is said of are kept.

    Args:
        name: Our name of its column.
        cell: What the table says; of findings and pathologies, terms joined by ``+`` too.
        values: Of :func:`parse_values`.

    >>> translate('finding', 'Massa+kalk', {'finding': {'massa': 'mass'}})
    'mass+kalk'
    """
    words = values.get(name, {})
    if not words or _fold(cell) in words:
        return words.get(_fold(cell), cell)
    if name in _JOINED and '+' in cell:
        return '+'.join(words.get(_fold(term), term) for term in cell.split('+'))
    return cell


def unused_words(
    values: Mapping[str, Mapping[str, str]], cells: Mapping[str, Collection[str]]
) -> list[str]:
    """What users say of words that no cell holds: most often a typing error; one line a column.

    Args:
        values: Of :func:`parse_values`.
        cells: Column -> what the table says in it.

    >>> unused_words({'finding': {'massa': 'mass', 'kalc': 'calcification'}}, {'finding': ['Massa']})
    ["--value finding: no row says 'kalc'"]
    """
    lines = []
    for name, words in values.items():
        terms = [term for cell in cells[name] for term in cell.split('+') if name in _JOINED]
        unused = words.keys() - {'', *map(_fold, cells[name]), *map(_fold, terms)}
        if unused:
            lines.append(f'--value {name}: no row says {" or ".join(map(repr, sorted(unused)))}')
    return lines


def _allowed(name: str) -> str:
    return ', '.join(dict.fromkeys(filter(None, _SPELLINGS[name].values())))


def _fold(word: str) -> str:
    return unicodedata.normalize('NFC', ' '.join(word.split())).casefold()
