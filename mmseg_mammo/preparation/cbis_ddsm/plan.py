"""Plan of CBIS-DDSM: selects rows, assigns splits and groups rows into images. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.cbis_ddsm.image import ImageJob, Region
from mmseg_mammo.preparation.cbis_ddsm.locate import Tree
from mmseg_mammo.preparation.cbis_ddsm.table import NAME, Abnormality, shared_patients
from mmseg_mammo.preparation.splits import split_patients


def drop_leaked(
    cases: Sequence[Abnormality], leakage: str
) -> tuple[list[Abnormality], list[Abnormality]]:
    """Separate the train rows of patients that are in the test split too.

    Args:
        cases: All rows in use.
        leakage: ``drop-from-train``, or ``report`` to refuse such rows instead: an index does
            not allow a patient in two splits.

    Returns:
        The rows to keep, and those to drop.

    Raises:
        DataIndexError: ``report``, and there are such patients; names every one.
    """
    shared = set(shared_patients(cases))
    if shared and leakage == 'report':
        raise DataIndexError(
            f'{len(shared)} patients are in train and test: {", ".join(sorted(shared))}',
            'one split per patient',
            'Choose --leakage drop-from-train, or one --abnormality: each alone shares none',
        )
    kept: list[Abnormality] = []
    dropped: list[Abnormality] = []
    for case in cases:
        leaked = case.split == 'train' and case.patient_id in shared
        (dropped if leaked else kept).append(case)
    return kept, dropped


def assign_splits(
    cases: Iterable[Abnormality], val_fraction: float, rng: np.random.Generator
) -> dict[str, str]:
    """Patient -> split: the official one, with a share of the train patients moved to val.

    Only the tables decide, not the files that happen to be there: a download that grows keeps
    its split.

    Args:
        cases: Rows in which no patient is in train and test.
        val_fraction: Share of the train patients, stratified by their findings.
        rng: Source of the choice.
    """
    splits = {case.patient_id: case.split for case in cases}
    findings: defaultdict[str, set[str]] = defaultdict(set)
    for case in cases:
        if case.split == 'train':
            findings[case.patient_id].add(case.finding)
    strata = {patient: '+'.join(sorted(kinds)) for patient, kinds in findings.items()}
    return {**splits, **split_patients(strata, {'val': val_fraction}, rng)}


def plan_images(
    cases: Iterable[Abnormality], tree: Tree, long_side: int, merge_views: bool
) -> list[ImageJob]:
    """Group rows by image and name the files that each group may need.

    Args:
        cases: Rows in use.
        tree: The scanned download.
        long_side: See :func:`mmseg_mammo.preparation.output.write_pair`.
        merge_views: Whether the mass and the calcification copy of a view become one image; the
            pixels are those of the mass copy, or of the other where that is not there.
    """
    groups: defaultdict[tuple[str, ...], list[Abnormality]] = defaultdict(list)
    for case in cases:
        view = (case.split, case.patient_id, case.laterality, case.view)
        groups[view if merge_views else (case.image_name,)].append(case)
    return [_job(group, tree, long_side) for group in groups.values()]


def unlisted_regions(
    jobs: Iterable[ImageJob], cases: Iterable[Abnormality], tree: Tree
) -> dict[str, list[str]]:
    """Abnormalities that lie in the download and stand in no table, by the name of their job.

    A mask without them would call a known lesion healthy tissue.
    """
    known = {case.name for case in cases}
    names = (name for name, files in tree.files.items() if files and name not in known)
    strays: defaultdict[str, list[str]] = defaultdict(list)
    for name in sorted(names):
        match = NAME.fullmatch(name)
        if match and match[6]:
            strays[name.removesuffix(match[6])].append(name)
    copies = {job.name: {region.case.image_name for region in job.regions} for job in jobs}
    return {
        job: [name for image in sorted(images) for name in strays.get(image, ())]
        for job, images in copies.items()
    }


def _job(group: Sequence[Abnormality], tree: Tree, long_side: int) -> ImageJob:
    group = sorted(group, key=lambda case: case.finding != 'mass')
    copies = {case.image_name: case.image_series for case in group}
    found = (tree.find([series], name) for name, series in copies.items())
    regions = (
        Region(case, tuple(tree.find([case.mask_series, case.crop_series], case.name)))
        for case in group
    )
    return ImageJob(
        name=_image_name(list(copies)),
        root=tree.root,
        images=tuple(next(filter(None, found), ())),
        regions=tuple(regions),
        long_side=long_side,
    )


def _image_name(copies: Sequence[str]) -> str:
    """``Mass-Test_P_…`` as in the download, ``Mass+Calc-Test_P_…`` for merged copies."""
    kinds = '+'.join(name.split('-', 1)[0] for name in copies)
    return f'{kinds}-{copies[0].split("-", 1)[1]}'
