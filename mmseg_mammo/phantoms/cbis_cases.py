"""Case lists of CBIS-DDSM phantoms: read from the four CSV files, or invented.

The invented CSVs keep the habits of the real ones: a line break inside a quoted path cell,
``breast_density`` in the mass files and ``breast density`` in the others, ``N/A`` as text,
path cells that name ``00000x.dcm``, abnormality ids with gaps.
"""

import csv
import io
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.io.table import read_table

# Subset -> (CSV file, prefix of its folders).
SUBSETS = {
    'mass-train': ('mass_case_description_train_set.csv', 'Mass-Training'),
    'mass-test': ('mass_case_description_test_set.csv', 'Mass-Test'),
    'calc-train': ('calc_case_description_train_set.csv', 'Calc-Training'),
    'calc-test': ('calc_case_description_test_set.csv', 'Calc-Test'),
}
_TURNS = ('mass-train', 'calc-train', 'mass-test', 'calc-test') + ('mass-train', 'calc-train') * 2
_UID_ROOT = '1.3.6.1.4.1.9590.100.1.2'
_DESCRIPTORS = {
    'mass': (
        ('mass shape', ('IRREGULAR', 'OVAL', 'LOBULATED', 'ROUND', 'N/A')),
        ('mass margins', ('SPICULATED', 'CIRCUMSCRIBED', 'ILL_DEFINED-SPICULATED', 'N/A')),
    ),
    'calc': (
        ('calc type', ('PLEOMORPHIC', 'AMORPHOUS', 'ROUND_AND_REGULAR-LUCENT_CENTER', 'N/A')),
        ('calc distribution', ('CLUSTERED', 'SEGMENTAL', 'CLUSTERED-LINEAR', 'N/A')),
    ),
}
_PATHOLOGIES = ('MALIGNANT', 'BENIGN', 'BENIGN_WITHOUT_CALLBACK')
_PATHS = ('image file path', 'cropped image file path', 'ROI mask file path')


@dataclass(frozen=True)
class CaseRow:
    """One abnormality: one row of a case description CSV, its cells stripped."""

    subset: str
    patient_id: str
    laterality: str
    view: str
    kind: str
    pathology: str
    density: int
    image_path: str
    crop_path: str
    mask_path: str

    @property
    def name(self) -> str:
        """Folder of mask and crop, such as ``Mass-Test_P_00016_LEFT_CC_1``; unique."""
        return self.mask_path.split('/')[0]

    @property
    def view_key(self) -> str:
        """The exposure that the abnormality lies in; mass and calcification copies share it."""
        return f'{self.patient_id}_{self.laterality}_{self.view}'

    @property
    def is_split(self) -> bool:
        """Whether mask and crop lie in two series, one file each."""
        return self.mask_path.split('/')[2] != self.crop_path.split('/')[2]


def read_cases(folder: Path) -> list[CaseRow]:
    """Read the four CSVs in ``folder``, in their order.

    Raises:
        DataIndexError: A file or a column is missing.
    """
    cases = []
    for subset, (filename, _) in SUBSETS.items():
        density = 'breast_density' if subset.startswith('mass') else 'breast density'
        required = ('patient_id', density, 'left or right breast', 'image view', 'pathology')
        for record in read_table(folder / filename, required + _PATHS):
            cases.append(
                CaseRow(
                    subset=subset,
                    patient_id=record['patient_id'],
                    laterality=record['left or right breast'],
                    view=record['image view'],
                    kind='mass' if subset.startswith('mass') else 'calcification',
                    pathology=record['pathology'].lower(),
                    density=int(record[density]),
                    image_path=record[_PATHS[0]],
                    crop_path=record[_PATHS[1]],
                    mask_path=record[_PATHS[2]],
                )
            )
    return cases


def make_uid(rng: np.random.Generator, root: str = _UID_ROOT) -> str:
    """A UID of at most 64 characters under ``root``, random but reproducible."""
    return f'{root}.{rng.integers(1, 10)}' + ''.join(map(str, rng.integers(0, 10, 37)))


def invent_cases(
    rng: np.random.Generator, folder: Path, patients: int, defects: Iterable[str] = ()
) -> dict[str, str]:
    """Write the four CSVs of ``patients`` invented patients into ``folder``.

    Args:
        rng: Source of everything random.
        folder: Where the CSVs go.
        patients: Number of patients; from 4 on, each CSV has some.
        defects: Of the defects that live in the CSVs: ``split``, ``swapped``, ``leaked``.

    Returns:
        Abnormality folder -> the defect planted there.
    """
    rows: dict[str, list[dict[str, str]]] = {subset: [] for subset in SUBSETS}
    numbers = np.sort(rng.choice(np.arange(1, max(2000, 2 * patients)), patients, replace=False))
    for turn, number in enumerate(numbers):
        subset = _TURNS[turn % len(_TURNS)]
        both = turn % len(_TURNS) == 0
        _add_patient(rng, rows, f'P_{number:05d}', subset, also='calc-train' if both else '')
    planted = {}
    if 'leaked' in defects:
        for name in _leak(rng, rows):
            planted[name] = 'leaked'
    for defect in ('split', 'swapped'):
        if defect in defects:
            planted.update(_split(rng, rows, defect, planted))
    for subset, (filename, _) in SUBSETS.items():
        _write_csv(folder / filename, subset, rows[subset])
    return planted


def _add_patient(
    rng: np.random.Generator,
    rows: dict[str, list[dict[str, str]]],
    patient: str,
    subset: str,
    also: str = '',
) -> None:
    """Both views of one breast, or one of them; ``also`` gets a copy of each view."""
    laterality = str(rng.choice(['LEFT', 'RIGHT']))
    density = str(rng.choice(4, p=[0.19, 0.41, 0.28, 0.12]) + 1)
    views = ['CC', 'MLO'] if also or rng.random() < 0.85 else [str(rng.choice(['CC', 'MLO']))]
    for view in views:
        identifier = 0
        for name in filter(None, (subset, also)):
            for _ in range(1 + rng.choice(3, p=[0.85, 0.11, 0.04])):
                identifier += 1 + int(rng.random() < 0.1)  # ids have gaps
                rows[name].append(_row(rng, name, patient, laterality, view, identifier, density))
            _share_image(rows[name], patient, laterality, view)


def _row(
    rng: np.random.Generator,
    subset: str,
    patient: str,
    laterality: str,
    view: str,
    identifier: int,
    density: str,
) -> dict[str, str]:
    kind = subset[:4]
    image = f'{SUBSETS[subset][1]}_{patient}_{laterality}_{view}'
    study, series = make_uid(rng), make_uid(rng)
    roi = f'{image}_{identifier}/{study}/{series}'
    crop_number = 0 if kind == 'mass' else 1
    return {
        'patient_id': patient,
        'breast_density' if kind == 'mass' else 'breast density': density,
        'left or right breast': laterality,
        'image view': view,
        'abnormality id': str(identifier),
        'abnormality type': 'mass' if kind == 'mass' else 'calcification',
        **{name: str(rng.choice(values)) for name, values in _DESCRIPTORS[kind]},
        'assessment': str(rng.choice([0, 2, 3, 4, 5])),
        'pathology': str(rng.choice(_PATHOLOGIES, p=[0.41, 0.4, 0.19])),
        'subtlety': str(rng.integers(1, 6)),
        _PATHS[0]: f'{image}/{make_uid(rng)}/{make_uid(rng)}/000000.dcm',
        _PATHS[1]: f'{roi}/{crop_number:06d}.dcm',
        _PATHS[2]: f'{roi}/{1 - crop_number:06d}.dcm',
    }


def _share_image(rows: list[dict[str, str]], patient: str, laterality: str, view: str) -> None:
    """Let all abnormalities of one image name the same full image."""
    key = (patient, laterality, view)
    names = ('patient_id', 'left or right breast', 'image view')
    same = [row for row in rows if tuple(row[name] for name in names) == key]
    for row in same[1:]:
        row[_PATHS[0]] = same[0][_PATHS[0]]


def _leak(rng: np.random.Generator, rows: dict[str, list[dict[str, str]]]) -> list[str]:
    """Give the last mass-train patient calcification-test rows too."""
    patient = rows['mass-train'][-1]['patient_id']
    before = len(rows['calc-test'])
    _add_patient(rng, rows, patient, 'calc-test')
    return [_name(row) for row in rows['calc-test'][before:]]


def _name(row: dict[str, str]) -> str:
    return row[_PATHS[2]].split('/')[0]


def _split(
    rng: np.random.Generator,
    rows: dict[str, list[dict[str, str]]],
    defect: str,
    taken: Iterable[str],
) -> dict[str, str]:
    """Put mask and crop of one row in ten into two series; ``swapped``: name them crosswise."""
    candidates = [row for part in rows.values() for row in part if _name(row) not in taken]
    chosen = rng.choice(len(candidates), max(1, len(candidates) // 10), replace=False)
    for index in chosen:
        row = candidates[index]
        for column in _PATHS[1:]:
            row[column] = f'{_name(row)}/{make_uid(rng)}/{make_uid(rng)}/000000.dcm'
    return {_name(candidates[index]): defect for index in chosen}


def _write_csv(path: Path, subset: str, rows: list[dict[str, str]]) -> None:
    kind = subset[:4]
    broken = _PATHS[2] if kind == 'mass' else _PATHS[1]
    columns = (
        'patient_id',
        'breast_density' if kind == 'mass' else 'breast density',
        'left or right breast',
        'image view',
        'abnormality id',
        'abnormality type',
        *(name for name, _ in _DESCRIPTORS[kind]),
        'assessment',
        'pathology',
        'subtlety',
        *_PATHS,
    )
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, columns, lineterminator='\n')
    writer.writeheader()
    writer.writerows({**row, broken: row[broken] + '\n'} for row in rows)
    write_atomic(path, lambda stream: stream.write(text.getvalue().encode()))
