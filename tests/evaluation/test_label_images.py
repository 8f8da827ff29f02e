"""Label images: one per image, under names that differ, on the image's own grid."""

import cv2
import numpy as np
import pytest
import torch

from mmseg_mammo.errors import MammoError
from mmseg_mammo.evaluation.label_images import label_names
from mmseg_mammo.evaluation.metric import MammographyMetric

PAIRS = [('A', 'images/1.png'), ('A', 'images/2.dcm'), ('B', 'more/3.png')]


def sample(source, image, shape=(6, 9), **facts):
    generator = torch.Generator().manual_seed(len(image) + shape[0])
    probability = torch.rand(shape, generator=generator)
    return {
        'seg_logits': {'data': probability[None]},
        'pred_sem_seg': {'data': (probability > 0.5).long()[None]},
        'gt_sem_seg': {'data': torch.ones(shape).long()[None]},
        'img_path': f'data/{image}',
        'mask_kind': 'phantom',
        'source': source,
        'image': image,
        **facts,
    }


def written(folder):
    return {p.name: cv2.imread(str(p), cv2.IMREAD_UNCHANGED) for p in sorted(folder.iterdir())}


@pytest.mark.parametrize('options', [{}, {'eval_size': 4}, {'format_only': True}])
def test_each_image_has_its_mask_as_it_was_predicted(options, tmp_path):
    samples = [sample(*pair, shape=(6 + k, 9)) for k, pair in enumerate(PAIRS)]
    if 'format_only' in options:
        for one in samples:
            del one['gt_sem_seg']  # as of a data set that nobody annotated
    metric = MammographyMetric(output_dir=str(tmp_path / 'out'), keep_results=True, **options)
    metric.process(None, samples)
    scores = metric.evaluate(3)
    assert scores == {} if 'format_only' in options else scores['images'] == 3
    found = written(tmp_path / 'out')
    assert list(found) == ['1.png', '2.png', '3.png']
    for one, mask in zip(samples, found.values(), strict=True):
        assert mask.dtype == np.uint8
        assert (mask == one['pred_sem_seg']['data'][0].numpy()).all()
    metric.process(None, samples)  # a validation comes again
    metric.evaluate(3)
    assert list(written(tmp_path / 'out')) == list(found)


@pytest.mark.parametrize(
    'others',
    [('A', 'left/1.png'), ('A', 'images/1.dcm'), ('B', 'images/1.png'), ('C', 'x/A_images_1.png')],
)
def test_images_whose_names_are_equal_do_not_overwrite_each_other(others, tmp_path):
    pairs = [*PAIRS, others, ('D', 'y/3.PNG')]
    metric = MammographyMetric(output_dir=str(tmp_path))
    samples = [sample(*pair, shape=(6 + k, 9)) for k, pair in enumerate(pairs)]
    metric.process(None, samples)
    metric.evaluate(len(pairs))
    found = written(tmp_path)
    assert len(found) == len(pairs)
    assert {mask.shape[0] for mask in found.values()} == {6, 7, 8, 9, 10}
    assert {f'{record["key"]}.png' for record in metric.records} == set(found)


def test_names_that_differ_in_capitals_only_are_one():
    assert set(label_names({('A', 'a.png'): 'k', ('A', 'A.png'): 'l'}).values()) == {
        'k.png',
        'l.png',
    }


def test_a_folder_that_holds_something_is_left_alone(tmp_path):
    (tmp_path / 'mine.png').write_bytes(b'mine')
    with pytest.raises(MammoError, match=r'holds mine\.png'):
        MammographyMetric(output_dir=str(tmp_path))
    with pytest.raises(MammoError, match='a file'):
        MammographyMetric(output_dir=str(tmp_path / 'mine.png'))
    with pytest.raises(MammoError, match='without output_dir'):
        MammographyMetric(format_only=True)
