"""Entries of a split: one image on one side, with what its row or its name tells about it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mmseg_mammo.io.dicom.header import SIDES
from mmseg_mammo.io.image import image_suffix
from mmseg_mammo.io.index import VIEWS
from mmseg_mammo.preparation.cbis_ddsm.table import IMAGE_NAME
from mmseg_mammo.preparation.hospital.names import nfc, tells_nothing

# Words for a split -> ours. Any other word is a split of its own.
ROLES = {
    **dict.fromkeys(('train', 'training', 'trn', 'tr', 'trainset', 'trainingset'), 'train'),
    **dict.fromkeys(('val', 'valid', 'validation', 'validate', 'eval', 'evaluation'), 'val'),
    **dict.fromkeys(('dev', 'vali', 'valset', 'validationset'), 'val'),
    **dict.fromkeys(('test', 'testing', 'tst', 'ts', 'testset', 'testingset'), 'test'),
}
ORDER = ('train', 'val', 'test')
_OTHER_SUFFIXES = ('.nii.gz', '.nii', '.npy', '.npz', '.mha', '.h5', '.webp', '.txt', '.json')
# Names of public sets that tell the patient, as their publishers describe them.
_NAMES = {
    'INbreast': re.compile(
        r'(?<!\d)\d{8}_(?P<patient>[0-9a-f]{16})_MG_(?P<side>[LR])_(?P<view>[A-Z]+)'
    ),
    'CDD-CESM': re.compile(
        r'(?<![^\W_])(?P<patient>P\d+)_(?P<side>[LR])_(?:DM|CM)_(?P<view>[A-Z]+)'
    ),
    'CMMD': re.compile(r'(?<![^\W_])(?P<patient>D[12]-\d{4})(?:-(?P<side>[LR])(?![^\W_]))?'),
}
_MIAS = re.compile(r'(?<![^\W_])mdb(\d{3})(?!\d)')


@dataclass(frozen=True)
class Entry:
    """One image on one side of a split. Empty texts mean that it is not known.

    Attributes:
        split: ``train``, ``val``, ``test`` or another word of the file.
        name: Path of the image as the file has it, ``/`` between parts, without its suffix.
        patient: Identifier.
        side: ``LEFT`` or ``RIGHT``.
        view: As in the index.
        uid: SOPInstanceUID.
        dataset: Where the file holds several collections, that of the image.
        official: ``train`` or ``test`` of the official split of CBIS-DDSM.
        group: Of alternative splits in one file, the one that this is of (``fold 0``).
        path: The image, if it is here.
    """

    split: str
    name: str = ''
    patient: str = ''
    side: str = ''
    view: str = ''
    uid: str = ''
    dataset: str = ''
    official: str = ''
    group: str = ''
    path: Path | None = None

    @property
    def stem(self) -> str:
        """The file name without folders and suffix."""
        return self.name.rpartition('/')[2]


def role_of(word: str) -> str:
    """Our word for a split.

    >>> role_of('Training'), role_of('Eval'), role_of('3')
    ('train', 'val', '3')
    """
    return ROLES.get(re.sub(r'[\W_]+', '', word).casefold(), word)


def role_in(text: str) -> str:
    """The split that one word of a file name is; empty if none or several are.

    >>> role_in('rsna_train_data'), role_in('train_test')
    ('train', '')
    """
    found = {ROLES[word] for word in re.findall(r'[a-z]+', text.casefold()) if word in ROLES}
    return found.pop() if len(found) == 1 else ''


def make_entry(
    split: str,
    cells: Mapping[str, str],
    pattern: re.Pattern | None = None,
    path: Path | None = None,
    group: str = '',
) -> Entry:
    """An entry of what a row says, completed by what the name of its image tells.

    Args:
        split: Any word for the split.
        cells: ``name``, ``patient``, ``side``, ``view``, ``uid`` and ``dataset``, each if it is known.
        pattern: Groups ``patient``, ``side`` and ``view`` of it, searched in the name, come before
            what is known of public sets.
        path: The image, if it is here.
        group: See :class:`Entry`.
    """
    said = {key: '' if tells_nothing(text) else nfc(text) for key, text in cells.items()}
    name = said.get('name', '').replace('\\', '/')
    told = _told(name, pattern)
    cbis = IMAGE_NAME.search(name) or IMAGE_NAME.search(said.get('patient', ''))
    if cbis:
        told = {'patient': cbis[3], 'side': cbis[4], 'view': cbis[5]}
        name = cbis[0]  # one image under the names of all its abnormalities
        if IMAGE_NAME.search(said.get('patient', '')):  # as in the header of its files
            said['patient'] = cbis[3]
    side = said.get('side') or told.get('side', '')
    return Entry(
        split=role_of(split),
        name=without_suffix(name),
        patient=said.get('patient') or told.get('patient', ''),
        side=SIDES.get(side.upper(), ''),
        view=_view(said.get('view') or told.get('view', '')),
        uid=said.get('uid', ''),
        dataset='CBIS-DDSM' if cbis else told.get('dataset') or said.get('dataset', ''),
        official={'Training': 'train', 'Test': 'test'}[cbis[2]] if cbis else '',
        group=group,
        path=path,
    )


def without_suffix(name: str) -> str:
    """A path without the suffix of its format, and without the ``_0000`` of nnU-Net's first channel.

    >>> without_suffix('imagesTr/P1_LCC_0000.nii.gz'), without_suffix('1.2.840')
    ('imagesTr/P1_LCC', '1.2.840')
    """
    suffix = next((end for end in _OTHER_SUFFIXES if name.lower().endswith(end)), '')
    name = name[: len(name) - len(suffix or image_suffix(name))]
    return name.removeprefix('./').removesuffix('_0000')


def _told(name: str, pattern: re.Pattern | None) -> dict[str, str]:
    """What a name tells: by the pattern, else by the way a public set names its files."""
    if pattern and (match := pattern.search(name)):
        return {key: text for key, text in match.groupdict().items() if text}
    last = name.rpartition('/')[2]
    for dataset, known in _NAMES.items():
        # CMMD has folders of patients.
        if match := known.search(name if dataset == 'CMMD' else last):
            return {'dataset': dataset} | {k: v for k, v in match.groupdict().items() if v}
    if match := _MIAS.search(last):  # pairs: odd is a right breast, the next even the left one
        number = int(match[1])
        side = 'RIGHT' if number % 2 else 'LEFT'
        return {'patient': f'mdb{number - 1 + number % 2:03}', 'side': side, 'view': 'MLO'}
    return {}


def _view(text: str) -> str:
    """The view of ``MLO``, ``ML`` or, with the side before it, ``L-CC`` and ``RMLO``."""
    view = text.upper().strip()
    if view not in VIEWS:
        view = re.sub(r'^(LEFT|RIGHT|[LR])[\s_-]*', '', view)
    return view
