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
from mmseg_mammo.preparation.cbis_ddsm.table import (
    ABNORMALITY,
    BREAST,
    CALC,
    CROP_PATH,
    IMAGE_PATH,
    KINDS,
    MASK_PATH,
    MASS,
    PATHOLOGY,
    PATHS,
    PATIENT,
    SPLITS,
    VIEW,
    Kind,
)

# Subset -> (kind of abnormality, split).
SUBSETS = {f'{kind.name}-{split}': (kind, split) for kind in KINDS for split in SPLITS}
_TURNS = ('mass-train', 'calc-train', 'mass-test', 'calc-test') + ('mass-train', 'calc-train') * 2
_UID_ROOT = '1.3.6.1.4.1.9590.100.1.2'
# Values of the columns Kind.descriptors.
_DESCRIPTORS = {
    MASS: (
        ('IRREGULAR', 'OVAL', 'LOBULATED', 'ROUND', 'N/A'),
        ('SPICULATED', 'CIRCUMSCRIBED', 'ILL_DEFINED-SPICULATED', 'N/A'),
    ),
    CALC: (
        ('PLEOMORPHIC', 'AMORPHOUS', 'ROUND_AND_REGULAR-LUCENT_CENTER', 'N/A'),
        ('CLUSTERED', 'SEGMENTAL', 'CLUSTERED-LINEAR', 'N/A'),
    ),
}
_PATHOLOGIES = ('MALIGNANT', 'BENIGN', 'BENIGN_WITHOUT_CALLBACK')


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
    for subset, (kind, split) in SUBSETS.items():
        required = (PATIENT, kind.density, BREAST, VIEW, PATHOLOGY, *PATHS)
        for record in read_table(folder / kind.file_name(split), required):
            cases.append(
                CaseRow(
                    subset=subset,
                    patient_id=record[PATIENT],
                    laterality=record[BREAST],
                    view=record[VIEW],
                    kind=kind.finding,
                    pathology=record[PATHOLOGY].lower(),
                    density=int(record[kind.density]),
                    image_path=record[IMAGE_PATH],
                    crop_path=record[CROP_PATH],
                    mask_path=record[MASK_PATH],
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
    for subset, (kind, split) in SUBSETS.items():
        _write_csv(folder / kind.file_name(split), kind, rows[subset])
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
    kind, split = SUBSETS[subset]
    image = f'{kind.folder_prefix(split)}_{patient}_{laterality}_{view}'
    study, series = make_uid(rng), make_uid(rng)
    roi = f'{image}_{identifier}/{study}/{series}'
    crop_number = 0 if kind is MASS else 1
    return {
        PATIENT: patient,
        kind.density: density,
        BREAST: laterality,
        VIEW: view,
        ABNORMALITY: str(identifier),
        'abnormality type': kind.finding,
        **{
            name: str(rng.choice(values))
            for name, values in zip(kind.descriptors, _DESCRIPTORS[kind], strict=True)
        },
        'assessment': str(rng.choice([0, 2, 3, 4, 5])),
        PATHOLOGY: str(rng.choice(_PATHOLOGIES, p=[0.41, 0.4, 0.19])),
        'subtlety': str(rng.integers(1, 6)),
        IMAGE_PATH: f'{image}/{make_uid(rng)}/{make_uid(rng)}/000000.dcm',
        CROP_PATH: f'{roi}/{crop_number:06d}.dcm',
        MASK_PATH: f'{roi}/{1 - crop_number:06d}.dcm',
    }


def _share_image(rows: list[dict[str, str]], patient: str, laterality: str, view: str) -> None:
    """Let all abnormalities of one image name the same full image."""
    key = (patient, laterality, view)
    same = [row for row in rows if (row[PATIENT], row[BREAST], row[VIEW]) == key]
    for row in same[1:]:
        row[IMAGE_PATH] = same[0][IMAGE_PATH]


def _leak(rng: np.random.Generator, rows: dict[str, list[dict[str, str]]]) -> list[str]:
    """Give the last mass-train patient calcification-test rows too."""
    patient = rows['mass-train'][-1][PATIENT]
    before = len(rows['calc-test'])
    _add_patient(rng, rows, patient, 'calc-test')
    return [_name(row) for row in rows['calc-test'][before:]]


def _name(row: dict[str, str]) -> str:
    return row[MASK_PATH].split('/')[0]


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
        for column in (CROP_PATH, MASK_PATH):
            row[column] = f'{_name(row)}/{make_uid(rng)}/{make_uid(rng)}/000000.dcm'
    return {_name(candidates[index]): defect for index in chosen}


def _write_csv(path: Path, kind: Kind, rows: list[dict[str, str]]) -> None:
    broken = MASK_PATH if kind is MASS else CROP_PATH
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, kind.columns(), lineterminator='\n')
    writer.writeheader()
    writer.writerows({**row, broken: row[broken] + '\n'} for row in rows)
    write_atomic(path, lambda stream: stream.write(text.getvalue().encode()))
