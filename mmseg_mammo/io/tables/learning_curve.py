"""Learning-curve tables: what each training of a study scored, and on which test patients."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.table import read_table, write_table

# In the folder of a study: a line for each training (cell), and for each of its test patients.
CURVE, CURVE_PATIENTS = 'learning_curve.csv', 'learning_curve_patients.csv'
# What a study was asked for, beside them from its beginning on.
STUDY = 'learning_curve.json'
START = 'start'  # the config of count 0: the checkpoint that the others start from
ALL = 'all'  # the count of every image
UNITS = ('images', 'patients')
KEY_COLUMNS = ('config', 'count', 'seed', 'fold')
CURVE_COLUMNS = (
    *(*KEY_COLUMNS, 'unit', 'images', 'patients', 'lesion_images', 'normal_images'),
    *('lesion_dice', 'dice', 'start_kept', 'threshold', 'trained_parameters', 'parameters'),
    *('minutes', 'folder'),
)
PATIENT_COLUMNS = (*KEY_COLUMNS, 'patient', 'lesion_images', 'lesion_dice')
_NUMBERS = ('images', 'patients', 'lesion_images')
AGAIN = 'Run mammoseg learning-curve again: it writes the table anew'


@dataclass(frozen=True)
class CurveTables:
    """The lines of both tables, cells as text, and the folder that they lie in."""

    folder: Path
    cells: tuple[Mapping[str, str], ...]
    patients: tuple[Mapping[str, str], ...]

    @property
    def unit(self) -> str:
        """What the counts are of: ``images`` or ``patients``."""
        return self.cells[0]['unit'] if self.cells else UNITS[0]


def write_curve(
    folder: Path, cells: Iterable[Mapping[str, Any]], patients: Iterable[Mapping[str, Any]]
) -> CurveTables:
    """Write both tables, each atomically, and read them back.

    Args:
        folder: Of the study.
        cells: With :data:`CURVE_COLUMNS`.
        patients: With :data:`PATIENT_COLUMNS`.
    """
    write_table(folder / CURVE_PATIENTS, PATIENT_COLUMNS, [dict(each) for each in patients])
    write_table(folder / CURVE, CURVE_COLUMNS, [dict(each) for each in cells])
    return read_curve(folder)


def read_curve(folder: Path) -> CurveTables:
    """Read both tables of a study.

    Raises:
        DataFileError: A column is missing, a number is none, or the unit is unknown.
    """
    cells = read_table(folder / CURVE, CURVE_COLUMNS, AGAIN)
    patients = read_table(folder / CURVE_PATIENTS, PATIENT_COLUMNS, AGAIN)
    _check_numbers(folder / CURVE, cells, _NUMBERS)
    _check_numbers(folder / CURVE_PATIENTS, patients, ('lesion_images', 'lesion_dice'))
    for cell in cells:
        if cell['unit'] not in UNITS:
            raise DataFileError(f'{folder / CURVE}: unit {cell["unit"]!r}', ', '.join(UNITS), AGAIN)
    return CurveTables(folder, tuple(cells), tuple(patients))


def count_order(count: str) -> float:
    """By which counts are sorted: ``all`` comes last.

    >>> sorted(['all', '5', '0'], key=count_order)
    ['0', '5', 'all']
    """
    return float('inf') if count == ALL else float(count)


def _check_numbers(path: Path, lines: list[dict[str, str]], names: Iterable[str]) -> None:
    for row, line in enumerate(lines, start=2):
        for name in names:
            try:
                float(line[name])
            except ValueError:
                raise DataFileError(
                    f'{path}, row {row}: {name} {line[name]!r}', 'a number', AGAIN
                ) from None
        if 'count' in line and line['count'] != ALL and not line['count'].isdecimal():
            raise DataFileError(
                f'{path}, row {row}: count {line["count"]!r}', f'a whole number, or {ALL}', AGAIN
            )
