"""Mining: the candidates of a trained finder, by which a refiner learns what is no lesion."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmseg.registry import DATASETS
from mmseg.structures import SegDataSample
from torch import Tensor
from torch.utils.data import DataLoader

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.checks import datasets_of
from mmseg_mammo.engine.config.loading import CacheChoice, use_cache
from mmseg_mammo.engine.devices import on_gpu
from mmseg_mammo.engine.steps.journal import tell
from mmseg_mammo.engine.two_stage.joined import tested_pipeline
from mmseg_mammo.engine.validation.one_by_one import truth_stays
from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.two_stage.candidates import crops_with_lesion
from mmseg_mammo.io.image_keys import image_keys
from mmseg_mammo.io.mask import is_image_label
from mmseg_mammo.io.table import write_table
from mmseg_mammo.io.tables.candidates import COLUMNS
from mmseg_mammo.models.two_stage.finder import finder_maps, scale_peaks
from mmseg_mammo.models.two_stage.peaks import find_peaks
from mmseg_mammo.models.two_stage.settings import CandidateRule, CropRule, read_settings
from mmseg_mammo.preparation.progress import show_progress
from mmseg_mammo.transforms.crops import crop_box, crop_side

SPLITS = ('train', 'val')
Answer = TypeVar('Answer')


def mine(
    cfg: Config,
    finder: Config,
    checkpoint: Path,
    folder: Path,
    cache: CacheChoice | None = None,
) -> dict[str, Any]:
    """Write the candidates of the training and the validation images.

    Args:
        cfg: Of the joined model, which says what a candidate is, and how large its crop.
        finder: Config that the finder was trained with.
        checkpoint: Of the finder.
        folder: Gets ``train.csv`` and ``val.csv``: key of the image, place in pixels of the prepared
            image, score, and whether the crop around it holds a lesion (:func:`.crops_with_lesion`;
            empty where nobody outlined the lesion).
        cache: Of the pixels, which the training of the finder has filled; None: they are decoded.

    Returns:
        Images, candidates and hits of each split.

    Raises:
        MammoError: Two images are of one name, or the finder gives no numbers.
    """
    model = load_model(finder, checkpoint, device_of(finder))
    rule = read_settings(CandidateRule, 'candidates', cfg.model.get('candidates'))
    crop = read_settings(CropRule, 'crop', cfg.model.get('crop'))
    facts = {}
    for split in SPLITS:
        loader = loader_of(finder, split)
        if loader is None:
            continue
        rows = list(_rows(model, loader, rule, crop, f'candidates of {split}', cache))
        keys = image_keys({pair for pair, _ in rows})
        lines = [{'key': keys[pair], **line} for pair, lines in rows for line in lines]
        write_table(folder / f'{split}.csv', COLUMNS, lines)
        hits = sum(line['hit'] == 1 for line in lines)
        facts[split] = {'images': len(rows), 'candidates': len(lines), 'hits': hits}
        tell(f'candidates of {split}: {len(lines)} in {len(rows)} images, {hits} hold a lesion')
    return facts


def device_of(cfg: Config) -> str:
    """Where a model of a training is applied in this process."""
    return cfg.get('device') or ('cuda' if on_gpu() else 'cpu')


def loader_of(cfg: Config, split: str) -> dict[str, Any] | None:
    """The loader of a split of a training, whose images come as in a test: each once, as it is.

    Args:
        cfg: Of the training.
        split: ``'train'`` or ``'val'``.

    Returns:
        ``dataset``, ``batch_size`` and ``num_workers``; None if the training has no such images.

    Raises:
        MammoError: The images are of several data sets.
    """
    found = [one for _, one in datasets_of(cfg.get(f'{split}_dataloader'), split)]
    if not found:
        return None
    if len(found) > 1:
        raise MammoError(
            f'{cfg.filename}: {split}_dataloader has {len(found)} data sets',
            'one data set',
            'Prepare the images of all into one folder',
        )
    base = cfg.get('val_dataloader') or cfg[f'{split}_dataloader']
    dataset = {**found[0], 'pipeline': tested_pipeline(cfg), 'test_mode': True}
    dataset.pop('cache', None)
    return {'dataset': dataset, **{key: base.get(key, 0) for key in ('batch_size', 'num_workers')}}


def _rows(
    model: Any,
    loader: Mapping[str, Any],
    rule: CandidateRule,
    crop: CropRule,
    title: str,
    cache: CacheChoice | None,
) -> Iterator[tuple[tuple[str, str], list[dict[str, Any]]]]:
    """(source, image) and the candidates of each image."""
    find = functools.partial(finder_maps, model)
    for sample, grid in answers(model, loader, find, title, cache):
        shape = tuple(sample.ori_shape)
        peaks = scale_peaks(find_peaks(grid, rule), grid.shape, shape)
        given = (crop.share, crop.mm, sample.metainfo.get('extent_mm'), crop.factor)
        boxes = [crop_box(p.x, p.y, crop_side(shape, *given, p.extent)) for p in peaks]
        hits: Sequence[Any] = [''] * len(peaks)
        if not is_image_label(sample.metainfo):
            truth = sample.gt_sem_seg.data[0].numpy() == 1
            hits = crops_with_lesion(truth, boxes).astype(int).tolist()
        yield (
            (sample.source, sample.image),
            [
                {
                    **{name: round(getattr(p, name), 2) for name in ('x', 'y', 'extent')},
                    'score': f'{p.score:.6g}',
                    'hit': hit,
                }
                for p, hit in zip(peaks, hits, strict=True)
            ],
        )


@torch.no_grad()
def answers(
    model: Any,
    loader: Mapping[str, Any],
    ask: Callable[[Tensor, list[SegDataSample]], Iterable[Answer]],
    title: str,
    cache: CacheChoice | None = None,
) -> Iterator[tuple[SegDataSample, Answer]]:
    """What a model makes of each image of a loader, with its sample, whose true mask stays on the CPU.

    Args:
        model: In eval mode, on its device.
        loader: See :func:`loader_of`.
        ask: B×3×S×S inputs and B samples -> B answers.
        title: Of the progress.
        cache: Of the pixels, for pipelines that keep no full image; None for none.
    """
    init_default_scope('mmseg')
    dataset = DATASETS.build(dict(loader['dataset']))
    if cache is not None:
        list(use_cache(dataset, cache))  # the training has told where it is, or why there is none
    # No sampler of mmengine, which would leave images to the other processes.
    built = DataLoader(
        dataset,
        batch_size=loader['batch_size'],
        num_workers=loader['num_workers'],
        collate_fn=pseudo_collate,
    )

    def every() -> Iterator[tuple[SegDataSample, Answer]]:
        for batch in built:
            data = model.data_preprocessor(truth_stays(batch), False)
            samples = data['data_samples']
            yield from zip(samples, ask(data['inputs'], samples), strict=True)

    yield from show_progress(every(), len(built.dataset), title)  # type: ignore[arg-type]
