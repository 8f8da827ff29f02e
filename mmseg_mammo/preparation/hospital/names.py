"""File and patient names of a hospital: compares them, and makes portable names of them.

Letters with marks are composed in two ways in Unicode (NFC, NFD); macOS writes one, tables
mostly the other, and they look the same. Names are compared in NFC.
"""

import hashlib
import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.io.image import image_suffix

# Some file systems allow 143 bytes; later steps add to the names.
MAX_NAME_BYTES = 120
_HASH_LETTERS = 12
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff<>:"/\\|?*]')
_RESERVED = re.compile(r'(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?', re.IGNORECASE)
_INVISIBLE = '\'"`\u2019\u200b\ufeff\u00ad'  # or nearly so, at the ends of an identifier
# Where shorter words begin others (_m, _mlo).
_DISTINCT_WORD = 3
_NOBODY = ('n/a', 'na', 'nan', '<na>', 'null', 'none', 'unknown', '-', '?')


def tells_nothing(cell: str) -> bool:
    """Whether a cell of a table is empty, or says in words that it is."""
    return cell.lower() in ('', *_NOBODY)


def nfc(text: str) -> str:
    """``text`` with its letters composed."""
    return unicodedata.normalize('NFC', text)


def stem_of(name: str) -> str:
    """A file name in NFC, without its suffix if that is the suffix of an image format."""
    return nfc(name.removesuffix(image_suffix(name)))


def stems_of(name: str) -> list[str]:
    """A file name, and what is left of it as one ending after the other goes, in NFC."""
    stems, path = [nfc(name)], PurePosixPath(name)
    while path.suffix:
        path = path.with_suffix('')
        stems.append(nfc(path.name))
    return stems


class MaskNames:
    """Whose mask a file is: ``<stem><suffix>`` or, as one of its regions, ``<stem><suffix>_N``.

    Args:
        stems: Those of the images, without their suffix.
        suffix: What stems of masks end with; may be ''.
    """

    def __init__(self, stems: Iterable[str], suffix: str) -> None:
        self._stems = set(stems)
        self._suffix = suffix
        self._pattern = re.compile(f'(.*){re.escape(suffix)}_([0-9]+)', re.DOTALL)
        # Where images are numbered so, the mask of a lost image must not become a region.
        numbered = (re.fullmatch('(.*)_[0-9]+', stem, re.DOTALL) for stem in self._stems)
        self._regions = bool(suffix) or not any(m and m[1] in self._stems for m in numbered)

    def is_marked(self, name: str) -> bool:
        """Whether a file has the suffix, and so is no image."""
        return bool(self._suffix) and any(
            stem.endswith(self._suffix) or self._pattern.fullmatch(stem) for stem in stems_of(name)
        )

    def parse(self, stem: str) -> tuple[str, str] | None:
        """(stem of the image, number of the region or '') of a mask, or None."""
        if stem.endswith(self._suffix) and stem.removesuffix(self._suffix) in self._stems:
            return stem.removesuffix(self._suffix), ''
        match = self._pattern.fullmatch(stem)
        if match and self._regions and match[1] in self._stems:
            return match[1], match[2]
        return None


def output_names(relatives: Sequence[str]) -> list[str]:
    """File stems for images: their own, or, if these are not unique, with their folders.

    Unique regardless of case and composition, because some file systems do not tell ``a`` from
    ``A``. A name that some of them refuse, or of more than :data:`MAX_NAME_BYTES`, loses what is
    too much and gets a hash.

    Raises:
        DataIndexError: Two names are still the same.
    """
    paths = [PurePosixPath(relative.lstrip('/')) for relative in relatives]
    own = [stem_of(path.name) for path in paths]
    with_folders = ['_'.join((*p.parent.parts, name)) for p, name in zip(paths, own, strict=True)]
    with_suffix = ['_'.join(path.parts) for path in paths]
    groups: defaultdict[str, list[str]] = defaultdict(list)
    for choice in (own, with_folders, with_suffix):
        names = [_portable(name) for name in choice]
        groups.clear()
        for name, relative in zip(names, relatives, strict=True):
            groups[nfc(name.casefold())].append(relative)
        if len(groups) == len(names):
            return names
    same = '; '.join(', '.join(group) for group in groups.values() if len(group) > 1)
    raise DataIndexError(
        f'Several images would be written under one name: {same}',
        'names that differ by more than capitals and separators',
        'Rename the files',
    )


def alike_patients(patients: Iterable[str]) -> list[list[str]]:
    """Groups of identifiers that differ only by what copying changes and readers overlook.

    Case, blanks, leading zeros, the ``.0`` of a number, an apostrophe before it, and how letters
    are composed.
    """
    groups: defaultdict[str, set[str]] = defaultdict(set)
    for patient in patients:
        groups[_essence(patient)].add(patient)
    return [sorted(group) for group in groups.values() if len(group) > 1]


def find_mask_like(stems: Iterable[str], mask_suffix: str) -> dict[str, str]:
    """The image stems that are named like the mask of another image -> that image.

    ``x_Mask``, ``x-mask``, ``x_mask (1)``, ``mask_x`` and ``x_mask_left`` for the image ``x`` and
    the suffix ``_mask``: taken for images they would be without lesion, and so would ``x``.
    """
    word = ''.join(_tokens(mask_suffix))
    if not word:
        return {}
    stems = list(stems)
    whole = {''.join(_tokens(stem)): stem for stem in stems}
    found: dict[str, str] = {}
    for stem in stems:
        tokens = _tokens(stem)
        places = [n for n, token in enumerate(tokens) if _is_word(token, word)]
        rests = [part for n in places for part in (tokens[:n], tokens[n + 1 :])]
        joined = ''.join(tokens)
        if len(word) >= _DISTINCT_WORD and word in joined:
            rests.append([joined[: joined.rindex(word)]])
        images = [whole[key] for key in map(''.join, rests) if key in whole]
        if images and images[0] != stem:
            found[stem] = images[0]
    return found


def _is_word(token: str, word: str) -> bool:
    return token.rstrip('0123456789') == word or token == word


def _tokens(text: str) -> list[str]:
    return re.findall(r'[^\W_]+', nfc(text).casefold())


def _portable(name: str) -> str:
    """What file systems take: no control or reserved characters, no dots or blanks at the ends.

    ``con.png`` is no file on Windows, ``CON-1f….png`` is.
    """
    name = nfc(name)
    safe = _FORBIDDEN.sub('_', name).strip(' .')
    if safe == name and len(safe.encode()) <= MAX_NAME_BYTES and not _RESERVED.fullmatch(safe):
        return safe
    kept = safe.encode()[: MAX_NAME_BYTES - _HASH_LETTERS - 1].decode(errors='ignore')
    return f'{kept.rstrip(" .")}-{_hash(name)}'


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode(errors='surrogateescape')).hexdigest()[:_HASH_LETTERS]


def _essence(patient: str) -> str:
    text = unicodedata.normalize('NFKC', patient).casefold()
    text = re.sub(r'(?<=\d)[.,]0+$', '', ''.join(text.split()).strip(_INVISIBLE))
    return unicodedata.normalize('NFKC', re.sub(r'(?<!\d)0+(?=\d)', '', text))
