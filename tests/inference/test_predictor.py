"""The predictor: a path, an array, MMSegmentation's own function; batches, memory, several models."""

import logging

import numpy as np
import pytest
import torch
from experiments import in_one_step
from mmseg.apis import inference_model
from tiny_models import save_checkpoint, two_channels, write_blobs

import mmseg_mammo
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.devices import choose_device
from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.onnx import export
from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.image import read_image


@pytest.fixture
def images(tmp_path):
    return [write_blobs(tmp_path / f'{n}.png', n, (80 + 9 * n, 64)) for n in range(5)]


def same(one, other):
    np.testing.assert_array_equal(one.probability, other.probability)
    np.testing.assert_array_equal(one.mask, other.mask)
    assert one.regions == other.regions


@pytest.mark.parametrize('kind', ['unet', 'setr', 'two channels'])
def test_a_path_an_array_and_the_function_of_the_host_give_the_same_bits(
    kind, images, prepared, save_dicom, tmp_path, request
):
    if kind == 'two channels':
        path = tmp_path / 'm.pth'
        checkpoint = save_checkpoint(path, 'unet_cbis', prepared, change=two_channels)
    else:
        checkpoint = request.getfixturevalue(kind)
    levels = read_image(images[0]) >> 4
    dicom = save_dicom(levels, BitsStored=12, WindowCenter=1500, WindowWidth=3000)
    predictor = mmseg_mammo.Predictor(checkpoint, device='cpu')
    host = mmseg_mammo.Predictor(checkpoint, device='cpu').members[0].model
    for path in (images[1], str(images[2]), dicom):
        found = predictor(path)
        array = read_image(type(images[1])(path))
        assert found.mask.shape == found.probability.shape == array.shape
        assert found.probability.dtype == np.float32
        same(predictor(array), found)
        same(predictor(np.dstack([array] * 3)), found)
        sample = inference_model(host, str(path))
        np.testing.assert_array_equal(sample.pred_sem_seg.data[0].numpy() > 0, found.mask)
    sample = inference_model(host, read_image(dicom))  # from here on, the host takes arrays alone
    np.testing.assert_array_equal(sample.pred_sem_seg.data[0].numpy() > 0, found.mask)
    if kind != 'two channels':
        np.testing.assert_array_equal(sample.seg_logits.data[0].numpy(), found.probability)
        assert 0 < found.mask.sum() < found.mask.size
    assert predictor.name == ('setr_pup_vpt_cbis' if kind == 'setr' else 'unet_cbis')


def test_the_threshold_of_the_call_cuts_and_is_told(unet, images):
    plain, strict = (Predictor(unet, device='cpu', threshold=t) for t in (None, 0.53))
    one, other = plain(images[0]), strict(images[0])
    np.testing.assert_array_equal(one.probability, other.probability)
    assert (one.threshold, other.threshold) == (0.5, 0.53)
    np.testing.assert_array_equal(other.mask, other.probability > 0.53)
    assert other.mask.sum() < one.mask.sum()


def test_spacing_is_that_of_the_call_else_of_the_header(unet, images, save_dicom):
    predictor = Predictor(unet, device='cpu')
    dicom = save_dicom(read_image(images[0]) >> 4, BitsStored=12, ImagerPixelSpacing=[0.1, 0.2])
    assert predictor(images[0]).spacing is None
    assert predictor(dicom).spacing == (0.1, 0.2)
    assert predictor(dicom, spacing=(0.5, 0.5)).spacing == (0.5, 0.5)
    assert (
        predictor(images[0], (0.5, 0.5)).regions[0].area_mm2
        == predictor(images[0]).regions[0].pixels / 4
    )


def in_millimetres(cfg):
    """Let a pixel of the input be 2 mm, padded to 32×32."""
    cfg.model.data_preprocessor.type = 'PaddedDataPreProcessor'
    for name in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        for step in cfg[name].dataset.pipeline:
            if 'Resize' in step['type']:
                step.update(type='ResizeMammogram', mm_per_pixel=2.0, mm_if_unknown=0.5)


def test_a_step_that_asks_for_millimetres_gets_them_as_from_an_index(
    images, prepared, save_dicom, tmp_path
):
    checkpoint = tmp_path / 'm.pth'
    save_checkpoint(checkpoint, 'unet_cbis', prepared, change=in_millimetres)
    predictor = Predictor(checkpoint, device='cpu')
    levels = read_image(images[0])  # 80×64
    dicom = save_dicom(levels, ImagerPixelSpacing=[0.5, 0.75])
    table, row = tmp_path / 'table.csv', f'{images[0].name};0.5 0.75'
    table.write_text(f'image;spacing_mm\n{row}\n')
    (source,) = find_inputs([table], tmp_path / 'out')
    prepared_row = {'extent_mm': (40.0, 48.0), 'original_height': 999, 'original_width': 9}
    for loaded in (
        predictor.load(dicom),
        predictor.load(images[0], source.facts),
        predictor.load(levels, spacing=(0.5, 0.75)),
        predictor.load(images[0], prepared_row),
    ):
        assert loaded.data[0]['inputs'].shape[1:] == (20, 24)
        (found,) = predictor.predict([loaded])
        assert found.mask.shape == (80, 64)
    assert export._input_size(predictor.members[0]) == (32, 32)
    assert predictor.load(images[0]).data[0]['inputs'].shape[1:] == (20, 16)  # of mm_if_unknown
    for step in predictor.members[0].steps:
        step.mm_if_unknown = None
    with pytest.raises(MammoError, match='size of its pixels is unknown'):
        predictor(images[0])


def test_a_view_is_one_of_those_of_the_index_and_no_other_text_of_the_header(unet, save_dicom):
    predictor = Predictor(unet, device='cpu')
    pixels = np.arange(80 * 64, dtype=np.uint16).reshape(80, 64)
    views = {'MLO': 'MLO', 'MARKEDNAME': 'OTHER', '': ''}
    for number, (said, told) in enumerate(views.items()):
        path = save_dicom(pixels, f'{number}.dcm', ViewPosition=said, ImageLaterality='R')
        loaded = predictor.load(path)
        assert (loaded.view, loaded.laterality) == (told, 'RIGHT')


class SmallGPU:
    """Has room for so many images, and counts those that it was given."""

    def __init__(self, model, room):
        self.model, self.room, self.sizes = model, room, []

    def __call__(self, data):
        self.sizes.append(len(data['inputs']))
        if len(data['inputs']) > self.room:
            raise torch.cuda.OutOfMemoryError
        return self.model(data)


@pytest.mark.parametrize('room', [1, 2, 4])
def test_where_there_is_no_room_half_of_a_batch_goes_first_from_then_on(
    room, unet, images, monkeypatch
):
    predictor = Predictor(unet, device='cpu')
    expected = [predictor(image) for image in images]
    gpu = SmallGPU(predictor.members[0].model.test_step, room)
    monkeypatch.setattr(predictor.members[0].model, 'test_step', gpu)
    loaded = [predictor.load(image) for image in images[:4]]
    for _ in range(2):
        for one, other in zip(predictor.predict(loaded), expected, strict=False):
            np.testing.assert_allclose(one.probability, other.probability, atol=1e-6)
    tried = {1: [4, 2, 1], 2: [4, 2], 4: [4]}[room]
    assert gpu.sizes == [*tried, *[room] * (4 // room - 1), *[room] * (4 // room)]


def test_no_room_for_one_image_is_said(unet, images, monkeypatch):
    predictor = Predictor(unet, device='cpu')
    monkeypatch.setattr(predictor.members[0].model, 'test_step', SmallGPU(None, 0))
    with pytest.raises(MammoError, match=r'cpu: no room for one image\. Free its memory'):
        predictor(images[0])


def test_probabilities_that_are_no_numbers_are_refused(unet, images):
    predictor = Predictor(unet, device='cpu')
    for parameter in predictor.members[0].model.parameters():
        parameter.data.fill_(float('nan'))
    with pytest.raises(MammoError, match=r'not numbers\. Its training diverged'):
        predictor(images[0])


def test_several_checkpoints_are_a_mean_and_share_one_threshold(unet, prepared, images, tmp_path):
    def change(cfg):
        cfg.model.decode_head.threshold = 0.4

    other = save_checkpoint(tmp_path / 'other.pth', 'unet_cbis', prepared, 5, change=change)
    with pytest.raises(MammoError, match=r'checkpoints with threshold 0\.5, 0\.4'):
        Predictor([unet, other], device='cpu')
    options = dict(device='cpu', threshold=0.5)
    one, two, both = (Predictor(c, **options)(images[0]) for c in (unet, other, [unet, other]))
    mean = (one.probability + two.probability) / 2
    np.testing.assert_allclose(both.probability, mean, atol=1e-6)
    np.testing.assert_array_equal(both.mask, both.probability > 0.5)


def test_a_probability_that_is_the_threshold_is_not_above_it(unet, images):
    highest = Predictor(unet, device='cpu')(images[0]).score
    for checkpoints in (unet, [unet, unet]):  # the model cuts, or the mean is cut
        assert not Predictor(checkpoints, device='cpu', threshold=highest)(images[0]).mask.any()
        just_below = float(np.nextafter(np.float32(highest), np.float32(0)))
        assert Predictor(checkpoints, device='cpu', threshold=just_below)(images[0]).mask.any()


def test_a_config_may_be_given_in_any_form(unet, images, tmp_path):
    cfg = read_stored_config(unet)
    before = cfg.to_dict()
    expected = Predictor(unet, device='cpu')(images[0])
    cfg.dump(str(tmp_path / 'mine.py'))
    for config, name in ((cfg, 'unet_cbis'), (tmp_path / 'mine.py', 'mine')):
        predictor = Predictor(unet, config=config, device='cpu')
        same(predictor(images[0]), expected)
        assert predictor.name == name
    assert cfg.to_dict() == before


def test_a_checkpoint_of_an_earlier_version_predicts_the_same(unet, images, tmp_path):
    """Its config is text, and reads and maps grey levels in one step."""
    content = torch.load(unet)
    content['meta']['cfg'] = in_one_step(read_stored_config(unet)).pretty_text
    earlier = tmp_path / 'earlier' / 'epoch_1.pth'
    earlier.parent.mkdir()
    torch.save(content, earlier)
    predictor = Predictor(earlier, device='cpu')
    assert 'LoadMammogram' in content['meta']['cfg']
    same(predictor(images[0]), Predictor(unet, device='cpu')(images[0]))
    same(predictor(read_image(images[0])), predictor(images[0]))


def test_sam_is_told_where_to_look(sam, images, tmp_path):
    (tmp_path / 'p.csv').write_text(f'image,object,x,y,label\n{images[0].name},1,30,30,1\n')
    predictor = Predictor(sam, device='cpu', prompts=tmp_path / 'p.csv')
    assert predictor(images[0]).mask.any()
    assert not predictor.load(images[0]).without_prompt
    assert predictor.load(images[1]).without_prompt
    assert predictor(images[1]).score == 0
    with pytest.raises(MammoError, match='takes its prompts from the true mask'):
        Predictor(sam, device='cpu')


def test_devices(monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: True)
    assert choose_device('auto') == 'cuda'
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    assert choose_device('auto') == choose_device('cpu') == 'cpu'
    with pytest.raises(MammoError, match='tpu'):
        choose_device('tpu')


def test_an_unreadable_file_is_an_error(unet, tmp_path, caplog):
    (tmp_path / 'a.png').write_bytes(b'nothing')
    caplog.set_level(logging.CRITICAL)
    with pytest.raises(MammoError, match=r'a\.png'):
        Predictor(unet, device='cpu')(tmp_path / 'a.png')
