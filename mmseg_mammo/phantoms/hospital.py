"""Hospital phantoms: writes the export of a digital hospital as DICOM files, masks and a table."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mmseg_mammo.io.image import write_png
from mmseg_mammo.phantoms.cbis_cases import make_uid
from mmseg_mammo.phantoms.dicom import Identity, digital_dataset, write_dicom
from mmseg_mammo.phantoms.mammogram import APPEARANCES, VIEWS, Lesion, make_mammogram
from mmseg_mammo.preparation.progress import show_progress

EXPORT_COLUMNS = (
    'image', 'mask', 'patient_id', 'laterality', 'view', 'annotated', 'finding', 'pathology',
    'density',
)  # fmt: skip
_UID_ROOT = '2.25'  # UIDs without a registered root (DICOM PS3.5, B.2)
_UNREAD_EVERY = 20
_STUDY_DATE = '20190312'
_DETECTOR_MM = 240  # its height


@dataclass(frozen=True)
class Export:
    """Case mix and file kinds in the export of a hospital.

    Attributes:
        lesions: Share of breasts with a lesion.
        inverted: Share of patients stored as MONOCHROME1.
    """

    lesions: float
    inverted: float


EXPORTS = {'zgt': Export(lesions=0.5, inverted=0.25), 'screening': Export(0.75, 0.0)}


def write_export(
    folder: Path, hospital: str, patients: int, height: int, seed: int, image_labels: float = 0.0
) -> list[dict[str, str]]:
    """Write DICOM files and masks of ``patients`` patients, both views of both breasts.

    Args:
        folder: Root of the tree.
        hospital: Key of :data:`EXPORTS`.
        patients: Number of patients.
        height: Typical height of an image in pixels.
        seed: Each patient has its own generator, so that more patients change no image.
        image_labels: Share of the images with a lesion that have no mask.

    Returns:
        One row of ``annotations.csv`` for each image.
    """
    rows: list[dict[str, str]] = []
    lesions = 0
    for turn in show_progress(range(patients), patients, 'phantoms', 'patient'):
        rng = np.random.default_rng([seed, list(EXPORTS).index(hospital), turn])
        for row in _write_patient(rng, folder, hospital, turn, height):
            if len(rows) % _UNREAD_EVERY == 6:
                row = _forget(folder, row)
            if row['mask']:
                lesions += 1
                if _falls_due(lesions - 1, image_labels):
                    (folder / row['mask']).unlink()
                    row |= {'mask': ''}
            rows.append(row)
    return rows


def _write_patient(
    rng: np.random.Generator, folder: Path, hospital: str, turn: int, height: int
) -> list[dict[str, str]]:
    patient = f'{hospital.upper()}{turn + 1:04d}'
    study, series = make_uid(rng, _UID_ROOT), make_uid(rng, _UID_ROOT)
    density = int(rng.integers(1, 5))
    inverted = _falls_due(turn, EXPORTS[hospital].inverted)
    shape = (round(height * rng.uniform(0.9, 1.1)), round(height * rng.uniform(0.7, 0.8)))
    rows: list[dict[str, str]] = []
    for side, laterality in enumerate(('LEFT', 'RIGHT')):
        wanted = _draw_kinds(
            rng, _falls_due(2 * turn + (side + turn) % 2, EXPORTS[hospital].lesions)
        )
        for view in VIEWS:
            look = APPEARANCES[hospital]
            pixels, lesions = make_mammogram(rng, look, shape, laterality, view, wanted, density)
            number = len(rows) + 1
            sop = make_uid(rng, _UID_ROOT)
            identity = Identity(
                patient, laterality, view, study, series, sop, date=_STUDY_DATE, number=number
            )
            image = f'dicom/{patient}/{_STUDY_DATE}/{laterality[0]}{view}.dcm'
            spacing = round(_DETECTOR_MM / height, 6)
            dataset = digital_dataset(pixels, identity, look.window, inverted, spacing)
            write_dicom(folder / image, dataset)
            row = _table_row(image, patient, laterality, view, lesions)
            rows.append(row | {'density': str(density)})
            if lesions:
                union = np.any([lesion.mask for lesion in lesions], axis=0)
                write_png(folder / row['mask'], union.astype(np.uint8) * 255)
    return rows


def _falls_due(count: int, share: float) -> bool:
    """Whether item ``count`` is one of those that keep the share exact all along."""
    return int((count + 1) * share) > int(count * share)


def _draw_kinds(rng: np.random.Generator, has_lesion: bool) -> list[tuple[str, str]]:
    """(kind, pathology) of the lesions of one breast, the same in both views."""
    if not has_lesion:
        return []
    kind = str(rng.choice(['mass', 'calcification'], p=[0.7, 0.3]))
    wanted = [(kind, str(rng.choice(['malignant', 'benign'])))]
    if rng.random() < 0.15:
        wanted.append(('mass', 'benign'))
    return wanted


def _table_row(
    image: str, patient: str, laterality: str, view: str, lesions: list[Lesion]
) -> dict[str, str]:
    return {
        'image': image,
        'mask': f'masks/{patient}_{laterality[0]}_{view}.png' if lesions else '',
        'patient_id': patient,
        'laterality': laterality,
        'view': view,
        'annotated': 'lesion' if lesions else 'normal',
        'finding': '+'.join(sorted({lesion.kind for lesion in lesions})),
        'pathology': '+'.join(sorted({lesion.pathology for lesion in lesions})) or 'normal',
    }


def _forget(folder: Path, row: dict[str, str]) -> dict[str, str]:
    """Nobody has read this image: no mask, no finding."""
    if row['mask']:
        (folder / row['mask']).unlink()
    return row | {'mask': '', 'annotated': 'no', 'finding': '', 'pathology': ''}
