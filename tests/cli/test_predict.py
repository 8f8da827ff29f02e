"""``predict``: equal to ``test``, what it says and writes, and what it keeps to itself."""

import csv
import json
import shutil

import numpy as np
import pytest
from tiny_models import padded, save_checkpoint, two_channels, write_blobs

from mmseg_mammo.cli.main import main
from mmseg_mammo.io.image import read_image, read_labels, write_png

PROMPTS = (
    'image,object,x,y,label\n6.png,1,30,30,1\nimages/7.png,1,20,40,1\nimages/7.png,2,50,60,1\n'
)
NAME, IDENTITY = 'MARKEDNAME^ANNA', 'MARKEDID4711'


def predict(checkpoint, *words):
    main(['predict', *map(str, (checkpoint, *words))])


def rows(path):
    with path.open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def counts(out):
    record = json.loads((out / 'run.json').read_text())
    assert record['state'] == 'finished'
    return {name: count for name, count in record['counts'].items() if count}


@pytest.fixture
def images(tmp_path):
    """A folder of two images, one of them in a folder of its own."""
    write_blobs(tmp_path / 'images' / 'a.png', 1)
    write_blobs(tmp_path / 'images' / 'b' / 'c.png', 2, shape=(50, 60))
    return tmp_path / 'images'


@pytest.mark.parametrize(
    ('model', 'options'),
    [
        ('unet', []),
        ('unet', ['--threshold', '0.51']),
        ('unet', ['--breast-only']),
        ('unet', ['--operating-point']),
        ('setr', []),
        ('setr', ['--threshold', '0.501']),
        ('sam', ['--prompts']),
        ('sam', ['--prompts', '--threshold', '0.45']),
    ],
)
def test_masks_and_scores_are_those_of_test(model, options, prepared, tmp_path, request):
    checkpoint = request.getfixturevalue(model)
    files = {
        '--prompts': PROMPTS,
        '--operating-point': '{"threshold": 0.4, "temperature": 3.0, "breast_only": true}',
    }
    words = []
    for option in options:
        words.append(option)
        if option in files:
            words.append(tmp_path / option)
            words[-1].write_text(files[option])
    test = ['test', checkpoint, '--out', tmp_path / 'labels', '--work-dir', tmp_path / 'work']
    main([*map(str, (*test, *words))])
    predict(
        checkpoint, prepared, '--split', 'test', '--batch-size', 2, '--out', tmp_path / 'p', *words
    )
    (table,) = (tmp_path / 'work').glob('*/per_image_test.csv')
    tested = {row['image']: row for row in rows(table)}
    found = {row['image']: row for row in rows(tmp_path / 'p' / 'predictions.csv')}
    assert set(found) - set(tested) == {'images/8.png'}  # nobody annotated it
    assert len(tested) == 2
    marked = 0
    for image, row in tested.items():
        mask = read_labels(tmp_path / 'p' / found[image]['mask'])
        label = read_labels(tmp_path / 'labels' / f'{found[image]["key"]}.png')
        np.testing.assert_array_equal(mask, label * 255)
        marked += int(0 < label.sum() < label.size)
        assert found[image]['area_pixels'] == row['predicted_pixels']
        assert float(found[image]['score']) == pytest.approx(
            float(row['max_probability']), abs=1e-9
        )
    assert marked


@pytest.mark.parametrize('name', ['unet_cbis', 'sam_finetune_cbis'])
def test_masks_of_a_model_with_padded_images_are_those_of_test(name, prepared, tmp_path):
    """Its step ``Resize`` takes a tuple only."""
    checkpoint = save_checkpoint(tmp_path / 'm.pth', name, prepared, change=padded)
    words = []
    if name.startswith('sam'):
        (tmp_path / 'p.csv').write_text(PROMPTS)
        words = ['--prompts', tmp_path / 'p.csv']
    test = ['test', checkpoint, '--out', tmp_path / 'labels', '--work-dir', tmp_path / 'work']
    main([*map(str, (*test, *words))])
    predict(checkpoint, prepared, '--split', 'test', '--out', tmp_path / 'p', *words)
    labels = sorted((tmp_path / 'labels').glob('*.png'))
    assert len(labels) == 2
    for label in labels:
        mask = read_labels(tmp_path / 'p' / 'masks' / label.name)
        np.testing.assert_array_equal(mask, read_labels(label) * 255)
        assert 0 < mask.mean() < 255


def test_an_ensemble_is_the_mean_and_tta_that_with_the_mirrored_image(prepared, tmp_path):
    one, two = (
        save_checkpoint(tmp_path / f'{seed}.pth', 'unet_cbis', prepared, seed) for seed in (1, 2)
    )
    image = prepared / 'images' / '6.png'
    mirrored = tmp_path / 'mirrored.png'
    write_png(mirrored, np.ascontiguousarray(read_image(image)[:, ::-1]))

    def probability(name, *words):
        predict(one, *words, '--probabilities', '--out', tmp_path / name)
        (path,) = (tmp_path / name / 'probabilities').iterdir()
        return read_image(path).astype(float)

    first = probability('one', image)
    predict(two, image, '--probabilities', '--out', tmp_path / 'two')
    second = read_image(tmp_path / 'two' / 'probabilities' / '6.png').astype(float)
    assert np.abs(first - second).max() > 100
    mean = probability('both', image, '--ensemble', two)
    assert np.abs(mean - (first + second) / 2).max() <= 1  # both were rounded to 16 bits
    mask = read_labels(tmp_path / 'both' / 'masks' / '6.png') > 0
    np.testing.assert_array_equal(
        mask[np.abs(mean - 32767.5) > 1], (mean > 32767.5)[np.abs(mean - 32767.5) > 1]
    )
    assert probability('tta', image, '--tta').shape == first.shape


@pytest.mark.parametrize('channels', [1, 2])
def test_tta_gives_a_mirrored_image_the_mirrored_probability(channels, prepared, tmp_path):
    """Of a network without CLAHE, whose tiles are not those of the mirrored image."""

    def change(cfg):
        steps = cfg.test_dataloader.dataset.pipeline
        cfg.test_dataloader.dataset.pipeline = [s for s in steps if s['type'] != 'MammoCLAHE']
        if channels == 2:
            two_channels(cfg)

    model = save_checkpoint(tmp_path / 'm.pth', 'unet_cbis', prepared, change=change)
    image = write_blobs(tmp_path / 'a.png', 5)
    write_png(tmp_path / 'b.png', np.ascontiguousarray(read_image(image)[:, ::-1]))
    for name, words in (('plain', []), ('tta', ['--tta'])):
        files = [image, tmp_path / 'b.png']
        predict(model, *files, '--probabilities', '--out', tmp_path / name, *words)
    plain, tta = (
        [read_image(tmp_path / n / 'probabilities' / f'{f}.png').astype(float) for f in 'ab']
        for n in ('plain', 'tta')
    )
    assert np.abs(tta[0] - tta[1][:, ::-1]).max() <= 2
    assert np.abs(plain[0] - plain[1][:, ::-1]).max() > 20
    assert np.abs(tta[0] - (plain[0] + plain[1][:, ::-1]) / 2).max() <= 2


def test_it_says_what_it_does_and_the_same_command_again_does_nothing(
    unet, images, tmp_path, capsys
):
    out = tmp_path / 'out'
    (images / 'broken.png').write_bytes(b'no picture')
    predict(unet, images, '--out', out, '--device', 'cpu')
    said = capsys.readouterr()
    assert said.out.startswith('3 images on cpu, 1 at once\n2 images predicted, 2 with marks at')
    assert '; 1 failed, see ' in said.out
    assert 'index.html' in said.out
    assert said.err.splitlines()[-1] == 'predicting: 3 of 3 images'
    assert rows(out / 'failed.csv')[0]['image'] == 'broken.png'
    assert str(images) not in (out / 'failed.csv').read_text()
    (out / 'masks' / 'a.png').unlink()
    (images / 'broken.png').unlink()
    predict(unet, images, '--out', out, '--device', 'cpu')
    assert capsys.readouterr().err == '2 of 2 images were predicted on before\n'
    assert not (out / 'masks' / 'a.png').exists()
    assert counts(out) == {'images': 2, 'with_marks': 2}
    assert rows(out / 'failed.csv') == []


def test_auto_says_that_there_is_no_gpu(unet, images, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr('torch.cuda.is_available', lambda: False)
    predict(unet, images, '--out', tmp_path / 'out', '--batch-size', 2)
    assert '2 images on the CPU (no GPU found), 2 at once' in capsys.readouterr().out


def test_nothing_that_could_be_predicted_is_an_error(unet, tmp_path, capsys):
    (tmp_path / 'broken.png').write_bytes(b'no picture')
    with pytest.raises(SystemExit, match='none of 1 images could be predicted'):
        predict(unet, tmp_path / 'broken.png', '--out', tmp_path / 'out')
    assert (tmp_path / 'out' / 'index.html').is_file()


def test_a_folder_keeps_to_its_settings(unet, setr, images, tmp_path):
    out = tmp_path / 'out'
    predict(unet, images, '--out', out)
    before = {path: path.read_bytes() for path in out.rglob('*') if path.is_file()}
    for checkpoint, words, said in (
        (setr, [], 'checkpoints was'),
        (unet, ['--threshold', '0.6'], 'threshold was 0.5, is 0.6'),
        (unet, ['--tta'], 'tta was False, is True'),
        (unet, ['--probabilities'], 'probabilities was False, is True'),
        (unet, ['--breast-only'], 'breast_only was False, is True'),
    ):
        with pytest.raises(SystemExit, match=f'predictions with other settings: {said}'):
            predict(checkpoint, images, '--out', out, *words)
    assert {path: path.read_bytes() for path in out.rglob('*') if path.is_file()} == before
    (tmp_path / 'notes').mkdir()
    (tmp_path / 'notes' / 'a.txt').write_text('a')
    for place, said in (
        ('notes', 'not empty, and not made by'),
        ('images', 'the folder to write to'),
    ):
        with pytest.raises(SystemExit, match=said):
            predict(unet, images, '--out', tmp_path / place)


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1)])
def test_parts_share_the_images_and_the_last_one_writes_the_tables(order, unet, tmp_path, capsys):
    for number in range(5):
        write_blobs(tmp_path / 'images' / f'{number}.png', number)
    out = tmp_path / 'out'
    made = []
    for place, part in enumerate(order):
        predict(unet, tmp_path / 'images', '--out', out, '--num-parts', 3, '--part-id', part)
        masks = {path.name for path in (out / 'masks').iterdir()}
        made.append(masks - set().union(*made))
        assert (out / 'predictions.csv').exists() == (place == 2)
        assert ('The part that ends last' in capsys.readouterr().out) == (place < 2)
    assert [len(masks) for masks in made] == [2 if part < 2 else 1 for part in order]
    assert [row['key'] for row in rows(out / 'predictions.csv')] == list('01234')
    assert counts(out)['images'] == 5
    with pytest.raises(SystemExit, match=r'--part-id 3 of --num-parts 3\. Allowed: 0 to 2'):
        predict(unet, tmp_path / 'images', '--out', out, '--num-parts', 3, '--part-id', 3)


def test_a_stop_is_no_traceback(unet, images, tmp_path, monkeypatch, capsys):
    def stopped(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr('mmseg_mammo.inference.prediction_folder.predict.predict_all', stopped)
    with pytest.raises(SystemExit) as left:
        predict(unet, images, '--out', tmp_path / 'out')
    assert left.value.code == 130
    assert capsys.readouterr().err.strip() == 'Stopped. The same command goes on where it stopped.'
    assert json.loads((tmp_path / 'out' / 'run.json').read_text())['state'] == 'running'
    monkeypatch.undo()
    predict(unet, images, '--out', tmp_path / 'out')
    assert counts(tmp_path / 'out')['images'] == 2


def test_images_without_a_prompt_are_empty_and_counted(sam, images, tmp_path, capsys):
    (tmp_path / 'p.csv').write_text('image,object,x,y,label\na.png,1,30,30,1\n')
    predict(sam, images, '--out', tmp_path / 'out', '--prompts', tmp_path / 'p.csv')
    assert '1 images without a prompt: predicted empty' in capsys.readouterr().out
    assert counts(tmp_path / 'out') == {'images': 2, 'with_marks': 1, 'without_prompt': 1}
    table = {row['key']: row for row in rows(tmp_path / 'out' / 'predictions.csv')}
    assert (table['c']['area_pixels'], table['c']['score']) == ('0', '0.0')
    with pytest.raises(SystemExit, match='takes its prompts from the true mask'):
        predict(sam, images, '--out', tmp_path / 'other')
    with pytest.raises(SystemExit, match='--tta with a model that takes prompts'):
        predict(sam, images, '--out', tmp_path / 'x', '--prompts', tmp_path / 'p.csv', '--tta')


def test_the_identity_of_a_patient_is_in_no_file_and_no_word_but_in_a_seg(
    unet, save_dicom, tmp_path, capfd
):
    pytest.importorskip('highdicom')
    from pydicom.uid import generate_uid

    patient = dict(PatientName=NAME, PatientID=IDENTITY, PatientBirthDate='19500101')
    study = dict(StudyInstanceUID=generate_uid(), SeriesInstanceUID=generate_uid())
    for number, (side, view) in enumerate([('L', 'CC'), ('L', 'MLO'), ('R', 'CC')]):
        pixels = read_image(write_blobs(tmp_path / 'blob.png', number)) >> 4
        save_dicom(
            *(pixels, f'images/{number}.dcm'),
            **dict(BitsStored=12, ImageLaterality=side, ViewPosition=view, Modality='MG'),
            **dict(ImagerPixelSpacing=[0.1, 0.2], **patient, **study),
        )
    save_dicom(pixels, 'images/no_series.dcm', BitsStored=12, **patient)
    cut = (tmp_path / 'images' / '0.dcm').read_bytes()
    (tmp_path / 'images' / 'cut.dcm').write_bytes(cut[: len(cut) // 2])
    out = tmp_path / 'out'
    predict(unet, tmp_path / 'images', '--out', out, '--seg')
    said = capfd.readouterr()
    text = said.out + said.err
    for path in out.rglob('*'):
        if path.is_file() and path.parent.name != 'segmentations':
            text += path.read_bytes().decode('latin-1') + path.name
    assert not [word for word in (NAME, 'MARKEDNAME', IDENTITY, '19500101') if word in text]
    for number in range(3):
        assert IDENTITY.encode() in (out / 'segmentations' / f'{number}.dcm').read_bytes()
    breasts = rows(out / 'breasts.csv')
    groups = [(row['laterality'], row['files'], row['views'], row['patient_id']) for row in breasts]
    assert groups[:2] == [('LEFT', '0.dcm | 1.dcm', 'CC MLO', ''), ('RIGHT', '2.dcm', 'CC', '')]
    assert counts(out) == {'images': 4, 'failed': 1, 'with_marks': 4, 'without_segmentation': 1}
    reasons = {row['image']: row['reason'] for row in rows(out / 'failed.csv')}
    assert set(reasons) == {'cut.dcm', 'no_series.dcm'}
    assert reasons['no_series.dcm'].startswith(
        'predicted, but not written as DICOM SEG: no_series.dcm: '
    )
    assert '1 images predicted, but not written as DICOM SEG' in said.out
    first = rows(out / 'predictions.csv')[0]
    assert float(first['area_mm2']) == pytest.approx(int(first['area_pixels']) * 0.1 * 0.2)
    lesion = rows(out / 'lesions.csv')[0]
    assert float(lesion['area_mm2']) == pytest.approx(int(lesion['pixels']) * 0.02)
    assert float(lesion['longest_diameter_mm']) > 0


def test_a_config_beside_the_checkpoint_is_said_where_it_differs(unet, images, tmp_path):
    from mmseg_mammo.engine.config.stored import read_stored_config

    cfg = read_stored_config(unet)
    for loader in (cfg.train_dataloader, cfg.test_dataloader):
        for step in loader.dataset.pipeline:
            if step.type == 'MapIntensity':
                step.intensity = 'stored' if loader is cfg.test_dataloader else step.intensity
    other = tmp_path / 'other.py'
    cfg.dump(str(other))
    predict(unet, images, '--out', tmp_path / 'out', '--config', other)
    record = json.loads((tmp_path / 'out' / 'run.json').read_text())
    assert record['input_differs_from_training'] == [
        'MapIntensity.intensity is stored, in training minmax'
    ]
    with pytest.raises(SystemExit, match='other settings: input_sha256 was'):
        predict(unet, images, '--out', tmp_path / 'out')


def test_a_moved_input_folder_and_the_folder_of_an_earlier_prediction(unet, images, tmp_path):
    """Predictions inside of the input are no inputs of the next one."""
    predict(unet, images, '--out', images / 'first')
    predict(unet, images, '--out', images / 'first')
    predict(unet, images, '--out', tmp_path / 'second')
    assert [row['image'] for row in rows(tmp_path / 'second' / 'predictions.csv')] == [
        'a.png',
        'b/c.png',
    ]
    shutil.copytree(images / 'first', tmp_path / 'copy')
    assert counts(tmp_path / 'copy')['images'] == 2
