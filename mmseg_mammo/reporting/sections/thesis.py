"""Thesis section: Tables I to III of the thesis beside our numbers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath

import numpy as np

from mmseg_mammo.evaluation.overlap import dice, iou
from mmseg_mammo.io.run_folder import PROMPTED
from mmseg_mammo.reporting.document import Cell, Section, Table
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs, experiment
from mmseg_mammo.reporting.scores import (
    counts,
    empty_counts,
    grid_notes,
    has_lesion,
    mark_cells,
    mark_notes,
    number,
)
from mmseg_mammo.reporting.sections.conventions import CONVENTIONS, score
from mmseg_mammo.reporting.sections.results import NOTHING


@dataclass(frozen=True)
class Published:
    """A row of the thesis: IoU and Dice in %, millions of trained parameters, GB of GPU memory.

    ``experiment`` is the stem of our config without its data set, '' if there is none; ``finding``
    what its images were narrowed down to; ``prompted`` whether it was told where the lesion is.
    """

    model: str
    experiment: str
    iou: float
    dice: float
    trained: float | None = None
    memory: float | None = None
    finding: str | None = None
    prompted: bool = False


TABLE_I = (
    Published('U-Net', 'unet', 9.11, 12.39, 28.99, 6.735),
    Published('SETR-FS', 'setr_pup_scratch', 4.50, 6.69, 307.43, 12.211),
    Published('SETR-FT', 'setr_pup_finetune', 7.95, 11.36, 307.43, 12.334),
    Published('SETR-VPT', 'setr_pup_vpt', 8.26, 11.30, 5.36, 14.301),
    Published('SAM-ZS', 'sam_zeroshot', 2.05, 3.60, 0.00, 4.439, prompted=True),
    Published('SAM-FT', 'sam_finetune', 27.42, 39.84, 312.34, 8.029, prompted=True),
)
TABLE_II = (
    Published('U-Net', 'unet', 31.91, 33.18),
    Published('SETR-FS', 'setr_pup_scratch', 16.57, 17.13),
    Published('SETR-FT', 'setr_pup_finetune', 9.64, 11.14),
    Published('SETR-VPT', 'setr_pup_vpt', 15.44, 16.97),
    Published('SAM-ZS', 'sam_zeroshot', 0.52, 0.96, prompted=True),
    Published('SAM-FT', 'sam_finetune', 13.70, 19.20, prompted=True),
)
TABLE_III = (
    Published('U-Net mass only (Sarker et al.)', '', 27, 41, finding='mass'),
    Published('U-Net mass only', 'unet_adam_mass', 15.13, 19.95, finding='mass'),
    Published('U-Net', 'unet_adam', 10.30, 13.70),
)
# Annotated images of ZGT in the thesis, and those of them without a lesion.
ZGT_IMAGES, ZGT_NORMAL = 206, 97
_OURS = (
    *('data set', 'images', 'IoU %, 224 grid', 'Dice %, 224 grid', 'IoU %', 'Dice %'),
    *('IoU %, lesion', 'Dice %, lesion', 'IoU %, normal', 'left empty %, normal'),
)


def thesis_section(runs: Runs) -> Section:
    """The tables that have a test of ours; a row without one keeps the thesis's numbers alone."""
    source = [t for t in runs.tests if _is_tested_on(t, 'CBISDDSMDataset', 'cbis_ddsm')]
    target = [t for t in runs.tests if _is_tested_on(t, 'ZGTDataset', 'zgt')]
    share = 100 * ZGT_NORMAL / ZGT_IMAGES
    tables = (
        _thesis_table('thesis_1', 'Table I: CBIS-DDSM', TABLE_I, source, 0.0, costs=True),
        _thesis_table('thesis_2', 'Table II: ZGT, zero-shot', TABLE_II, target, share),
        _thesis_table('thesis_3', 'Table III: U-Net with Adam, CBIS-DDSM', TABLE_III, source),
    )
    ours = tables[0].columns.index('ours')
    filled = tuple(table for table in tables if any(row[ours] for row in table.rows))
    text = (
        (
            'Published: IoU and Dice of M. Bronkhorst, University of Twente, 2024, means over all '
            "images; ours stand beside them, on the thesis's 224 grid, and on the grid of the "
            'masks for all, lesion and normal images.'
        ),
        (
            f'{ZGT_NORMAL} of the {ZGT_IMAGES} ZGT images of the thesis have no lesion: predicting '
            f'nothing scores {share:.1f} % there, more than any model of Table II.'
        ),
    )
    shown = text if tables[1] in filled else text[:1]
    return Section('thesis', "The thesis's tables", shown, filled)


def _is_tested_on(test: Test, kind: str, name: str) -> bool:
    data = test.run['data']['test']
    named = data.get('type') == kind or PurePath(data.get('data_root') or '').name == name
    return named and data.get('split') == 'test'  # not of a ConcatDataset either


def _fits(test: Test, line: Published) -> bool:
    """Whether a test is of the model and the images of a published row."""
    finding = test.run['data']['test'].get('finding') or None
    plain = not test.test_output.get('breast_only')
    return experiment(test.run) == line.experiment != '' and finding == line.finding and plain


def _line_mark(line: Published, test: Test | None) -> str:
    """The published number has marks of its own, also beside none of ours."""
    ours = mark_cells(test, *_stratum_sizes(test)).split('; ') if test else []
    return '; '.join(dict.fromkeys(m for m in (*ours, PROMPTED * line.prompted) if m))


def _thesis_table(
    name: str,
    title: str,
    published: Sequence[Published],
    tests: Sequence[Test],
    empty: float | None = None,
    costs: bool = False,
) -> Table:
    columns = ['thesis', 'published IoU %', 'published Dice %', 'ours', *_OURS]
    if costs:
        columns += ['published trained, M', 'trained, M', 'published GPU, GB', 'GPU, GiB']
    rows: list[tuple[Cell, ...]] = []
    for line in published:
        facts = (line.model, float(line.iou), float(line.dice))
        ours = [test for test in tests if _fits(test, line)]
        for test in ours or (None,):
            after = _cost_cells(line, test) if costs else ()
            rows.append((*facts, *_our_cells(test), *after, _line_mark(line, test)))
    if empty is not None:
        baseline = number(empty)
        whole = [t for t in tests if not t.run['data']['test'].get('finding')]
        for test in {t.dataset: t for t in whole}.values() or (None,):
            after = (None,) * 4 if costs else ()
            mark = mark_cells(test, *_stratum_sizes(test), empty=True) if test else ''
            rows.append((NOTHING, baseline, baseline, *_our_cells(test, empty=True), *after, mark))
    return Table(
        name, title, (*columns, 'mark'), tuple(rows), tuple(_table_notes(tests, empty, costs))
    )


def _stratum_sizes(test: Test) -> tuple[int, int]:
    lesion = has_lesion(test.images)
    return int(lesion.sum()), int((~lesion).sum())


def _table_notes(tests: Sequence[Test], empty: float | None, costs: bool) -> Iterator[str]:
    yield (
        'SAM of the thesis was prompted with points from the truth. The thesis does not say on '
        'which grid SAM was compared.'
    )
    if empty is not None:
        yield 'The published columns of predict nothing are computed from the counts of the thesis.'
    if costs:
        yield 'GPU: largest allocation of the training (of the test without one).'
    yield from grid_notes(tests)
    yield from mark_notes(tests)


def _our_cells(test: Test | None, empty: bool = False) -> tuple[Cell, ...]:
    if test is None:
        return (None,) * (1 + len(_OURS))
    images = test.images
    grid = score(images, CONVENTIONS[1], empty)  # its Dice; NaN without that grid
    pixels = (empty_counts if empty else counts)(images)
    lesion = has_lesion(images)
    values = [
        *(_mean_iou(test, empty), grid.value),
        *(_percent(f(*pixels)) for f in (iou, dice)),
        *(_percent(f(*pixels)[lesion]) for f in (iou, dice)),
        _percent(iou(*pixels)[~lesion]),
        _percent(pixels[1][~lesion] == 0),
    ]
    name = NOTHING if empty else test.model
    return (name, test.dataset, len(images), *map(number, values))


def _mean_iou(test: Test, empty: bool) -> float:
    if 'truth_pixels_224' not in test.images:
        return np.nan
    return _percent(iou(*(empty_counts if empty else counts)(test.images, '_224')))


def _percent(values: np.ndarray) -> float:
    return 100 * float(np.mean(values)) if len(values) else np.nan


def _cost_cells(line: Published, test: Test | None) -> tuple[Cell, ...]:
    if test is None:
        return (line.trained, None, line.memory, None)
    run = test.training.run if test.training else test.run
    trained = run.get('parameters', {}).get('all', {}).get('trained')
    memory = run.get('peak_gpu_memory_gib')
    return (
        *(line.trained, None if trained is None else round(trained / 1e6, 2)),
        *(line.memory, None if memory is None else round(float(memory), 3)),
    )
