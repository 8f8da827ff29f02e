"""MMSegmentation's inferencer on our pipelines: files of every format, folders, arrays."""

import cv2
import numpy as np
import pytest
import torch
from experiments import halve, in_one_step, shrink
from mmengine.config import Config
from mmseg.apis import MMSegInferencer, inference_model
from mmseg.registry import DATASETS, MODELS
from tiny_models import padded, save_checkpoint, write_blobs

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.errors import CheckpointError, MammoError
from mmseg_mammo.inference.inferencer import MammoInferencer
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.image import read_image, write_png

SHAPE = (80, 64)


@pytest.fixture
def cfg(prepared, tmp_path):
    return shrink('unet_cbis', prepared, tmp_path)


@pytest.fixture
def checkpoint(cfg, tmp_path):
    torch.manual_seed(3)
    model = MODELS.build(cfg.model)
    halve(model, DATASETS.build(cfg.test_dataloader.dataset)[0])
    path = tmp_path / 'model.pth'
    torch.save({'state_dict': model.state_dict(), 'meta': {'cfg': cfg.pretty_text}}, path)
    return path


@pytest.fixture
def inferencer(cfg, checkpoint):
    return MammoInferencer(cfg, checkpoint, device='cpu', show_progress=False)


def masks(inferencer, inputs, **options):
    found = inferencer(inputs, return_datasamples=True, **options)
    return [one.pred_sem_seg.data for one in (found if isinstance(found, list) else [found])]


@pytest.fixture
def files(prepared, save_dicom, tmp_path):
    """A folder with two PNG, a DICOM file, and what is no image."""
    folder = tmp_path / 'images'
    folder.mkdir()
    for name in ('6.png', '7.png'):
        (folder / name).write_bytes((prepared / 'images' / name).read_bytes())
    levels = read_image(prepared / 'images' / '6.png') >> 4
    save_dicom(levels, 'images/a.dcm', BitsStored=12)
    (folder / 'notes.csv').write_text('a,b\n')
    (folder / 'deeper').mkdir()
    return folder


def test_it_gives_what_inference_model_gives_for_files_and_arrays(
    cfg, checkpoint, inferencer, files
):
    paths = [files / name for name in ('6.png', '7.png', 'a.dcm')]
    model = load_model(cfg, checkpoint)
    expected = [one.pred_sem_seg.data for one in inference_model(model, list(map(str, paths)))]
    assert all(0 < mask.sum() < 80 * 64 for mask in expected)  # neither all nor none
    arrays = [read_image(path) for path in paths]
    columns = [np.dstack([array] * 3) for array in arrays]
    for inputs in (paths, list(map(str, paths)), arrays, columns, [paths[0], *arrays[1:]], files):
        for batch_size in (1, 2):
            found = masks(inferencer, inputs, batch_size=batch_size)
            assert [torch.equal(a, b) for a, b in zip(found, expected, strict=True)] == [True] * 3
    assert torch.equal(masks(inferencer, str(paths[1]))[0], expected[1])
    assert torch.equal(masks(inferencer, arrays[2])[0], expected[2])


def test_what_it_returns_and_writes_is_named_as_by_the_host(inferencer, files, tmp_path):
    out = tmp_path / 'out'
    found = inferencer(str(files), out_dir=str(out), return_vis=True)
    assert [mask.shape for mask in found['predictions']] == [SHAPE] * 3
    assert [(v.shape, v.dtype) for v in found['visualization']] == [((*SHAPE, 3), np.uint8)] * 3
    assert sorted(p.name for p in (out / 'vis').iterdir()) == ['6.png', '7.png', 'a.dcm.png']
    saved = [cv2.imread(str(out / 'pred' / f'0000000{n}_pred.png'), -1) for n in range(3)]
    assert all(np.array_equal(a, b) for a, b in zip(saved, found['predictions'], strict=True))
    inferencer(read_image(files / '6.png'), out_dir=str(out))
    assert (out / 'vis' / '00000003_vis.jpg').is_file()


def test_two_files_of_one_name_are_two_pictures(inferencer, files, tmp_path):
    copy = tmp_path / 'other' / '6.png'
    write_png(copy, read_image(files / '7.png'))
    inferencer([files / '6.png', copy], out_dir=str(tmp_path / 'out'))
    assert len(list((tmp_path / 'out' / 'vis').iterdir())) == 2


def test_16_bits_are_drawn_from_black_to_white(inferencer, files):
    shown = inferencer(str(files / 'a.dcm'), return_vis=True, opacity=0.0)['visualization']
    assert shown.max() > 240
    assert shown.min() < 15
    assert len(np.unique(shown)) > 100


def test_a_checkpoint_alone_is_enough_and_an_earlier_config_is_as_good(
    cfg, checkpoint, inferencer, files
):
    earlier = in_one_step(cfg)
    assert earlier.test_dataloader.dataset.pipeline[0].type == 'LoadMammogram'
    one = read_image(files / '6.png')
    (expected,) = masks(inferencer, one)
    for made in (
        MammoInferencer(weights=checkpoint, device='cpu', show_progress=False),
        MammoInferencer(earlier, str(checkpoint), device='cpu', show_progress=False),
        MammoInferencer(cfg.to_dict(), str(checkpoint), device='cpu', show_progress=False),
    ):
        assert torch.equal(masks(made, one)[0], expected)


def test_the_window_is_left_out_where_the_config_says_so(cfg, checkpoint, save_dicom):
    pixels = np.random.default_rng(0).integers(0, 4096, SHAPE).astype(np.uint16)
    path = save_dicom(pixels, BitsStored=12, WindowCenter=500, WindowWidth=100)
    for voi in (True, False):
        cfg.test_dataloader.dataset.pipeline[0].voi = voi
        made = MammoInferencer(cfg, checkpoint, device='cpu', show_progress=False)
        assert torch.equal(*masks(made, [path, read_image(path, voi=voi)]))


def test_what_cannot_be_predicted_is_said(cfg, checkpoint, inferencer, prepared, tmp_path):
    sam = shrink('sam_finetune_cbis', prepared, tmp_path)
    with pytest.raises(MammoError, match=r'SAMSegmentor: it predicts at points.*SAMPredictor'):
        MammoInferencer(sam, device='cpu')
    with pytest.raises(CheckpointError, match=r'none\.pth: no such checkpoint'):
        MammoInferencer(cfg, tmp_path / 'none.pth')
    bare = tmp_path / 'bare.pth'
    torch.save(torch.load(checkpoint)['state_dict'], bare)
    with pytest.raises(MammoError, match=r'bare\.pth: does not hold the config'):
        MammoInferencer(weights=bare)
    with pytest.raises(MammoError, match='no config, and no checkpoint'):
        MammoInferencer()
    (tmp_path / 'empty').mkdir()
    with pytest.raises(MammoError, match='empty: no image in this folder'):
        inferencer(str(tmp_path / 'empty'))
    with pytest.raises(MammoError, match=r'absent\.png'):
        inferencer(str(tmp_path / 'absent.png'))


def test_what_a_config_in_a_checkpoint_names_is_not_imported(
    cfg, checkpoint, tmp_path, monkeypatch
):
    (tmp_path / 'evil_module.py').write_text(f'import os\nos.mkdir({str(tmp_path / "made")!r})\n')
    monkeypatch.syspath_prepend(tmp_path)
    cfg.model.backbone.type = 'evil_module.Thing'
    content = torch.load(checkpoint) | {'meta': {'cfg': cfg.pretty_text}}
    torch.save(content, checkpoint)
    with pytest.raises(CheckpointError, match=r'model\.backbone\.type=.evil_module\.Thing'):
        MammoInferencer(weights=checkpoint, device='cpu')
    assert not (tmp_path / 'made').exists()


def test_a_pipeline_of_the_host_is_read_as_by_the_host(cfg, checkpoint, tmp_path):
    levels = np.random.default_rng(0).integers(0, 256, SHAPE).astype(np.uint8)
    write_png(tmp_path / 'a.png', levels)
    cfg.test_dataloader.dataset.pipeline[0] = dict(type='LoadImageFromFile')
    ours, theirs = (
        kind(Config(cfg.to_dict()), str(checkpoint), device='cpu')
        for kind in (MammoInferencer, MMSegInferencer)
    )
    one, other = (each(str(tmp_path / 'a.png'))['predictions'] for each in (ours, theirs))
    np.testing.assert_array_equal(one, other)


def test_the_host_refuses_our_pipelines_which_is_why_it_exists(cfg, checkpoint):
    with pytest.raises(ValueError, match='LoadImageFromFile is not found'):
        MMSegInferencer(cfg, str(checkpoint), device='cpu')


@pytest.mark.parametrize('change', [None, padded])
def test_an_original_is_shrunk_to_what_the_model_was_trained_on_as_by_predict(
    change, prepared, tmp_path
):
    path = save_checkpoint(tmp_path / 'm.pth', 'unet_cbis', prepared, long_side=100, change=change)
    original = write_blobs(tmp_path / 'a.png', 1, (300, 211))
    predictor = Predictor(path, device='cpu')
    inferencer = MammoInferencer(weights=path, device='cpu', show_progress=False)
    expected = torch.from_numpy(predictor(original).mask)
    for image in (original, read_image(original)):
        (found,) = masks(inferencer, image)
        assert torch.equal(found[0] > 0, expected)
    sample = inference_model(predictor.members[0].model, str(original))
    assert torch.equal(sample.pred_sem_seg.data[0] > 0, expected)
    unshrunk = inference_model(load_model(read_stored_config(path), path), str(original))
    assert not torch.equal(unshrunk.pred_sem_seg.data[0] > 0, expected)
