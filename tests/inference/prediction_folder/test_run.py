"""A run over many images: faults, memory, what is done again."""

import os
import threading
import weakref

import numpy as np
import pytest
from tiny_models import write_blobs

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction_folder.image_files import Outputs
from mmseg_mammo.inference.prediction_folder.inputs import Input, find_inputs
from mmseg_mammo.inference.prediction_folder.journal import Journal
from mmseg_mammo.inference.prediction_folder.run import predict_all
from mmseg_mammo.inference.prediction_folder.tables import IMAGE_COLUMNS
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.image import read_image, write_png


@pytest.fixture(scope='module')
def predictor(unet):
    return Predictor(unet, device='cpu')


@pytest.fixture
def folder(tmp_path):
    for number in range(6):
        write_blobs(tmp_path / 'in' / f'{number}.png', number)
    return tmp_path / 'in'


@pytest.fixture
def run(predictor, folder, tmp_path):
    """A function that predicts, and gives the lines of what it did by key."""

    def start(inputs=None, out=tmp_path / 'out', **options):
        inputs = inputs or find_inputs([folder], out)
        journal = Journal(out, 'part-0-of-1')
        before = dict(journal.places)
        try:
            count = predict_all(predictor, inputs, out, journal, Outputs(), **options)
            new = [key for key in journal.places if journal.places[key] != before.get(key)]
            assert count == len(new)
            return {key: journal.line(key) for key in new}
        finally:
            journal.close()

    return start


def failures(lines):
    return {key: line['failed'] for key, line in lines.items() if 'failed' in line}


@pytest.mark.parametrize(('batch_size', 'workers'), [(1, 1), (4, 3), (20, 2)])
def test_a_broken_file_stops_no_other_and_is_tried_again(
    batch_size, workers, run, folder, tmp_path
):
    (folder / '2.png').write_bytes(b'broken')
    (folder / '4.png').unlink()
    (folder / '4.png').symlink_to('nothing')
    options = dict(batch_size=batch_size, workers=workers)
    inputs = [Input(f'{n}.png', folder / f'{n}.png', str(n)) for n in range(6)]
    lines = run(inputs, **options)
    assert list(lines) == list('012345')
    assert list(failures(lines)) == ['2', '4']
    assert all(reason.startswith(f'{key}.png: ') for key, reason in failures(lines).items())
    assert sorted(p.stem for p in (tmp_path / 'out' / 'masks').iterdir()) == list('0135')
    assert list(run(inputs, **options)) == ['2', '4']
    write_blobs(folder / '2.png', 2)
    lines = run(inputs, **options)
    assert (list(lines), list(failures(lines))) == (['2', '4'], ['4'])


def test_a_mask_or_an_empty_image_among_the_files_is_no_normal_image(run, folder, tmp_path, capsys):
    mask = np.zeros((80, 64), np.uint8)
    write_png(folder / 'empty.png', mask)
    mask[20:30, 20:30] = 255
    write_png(folder / 'mask.png', mask)
    found = failures(run())
    assert list(found) == ['empty', 'mask']
    assert found['mask'].startswith('mask.png: at most two values: empty, or a mask')
    assert 'before' not in capsys.readouterr().err
    prepared = Input('mask.png', folder / 'mask.png', 'p', original_shape=(80, 64))
    assert not failures(run([prepared], tmp_path / 'prepared'))  # as a test takes it


def test_images_of_an_earlier_run_are_counted(run, folder, capsys):
    first = [Input(f'{n}.png', folder / f'{n}.png', str(n)) for n in range(2)]
    run(first)
    capsys.readouterr()
    run()
    assert '2 of 6 images were predicted on before' in capsys.readouterr().err


def test_what_a_decoder_raises_is_no_text_of_a_header(run, predictor, monkeypatch):
    def load(path, *_):
        if path.stem == '3':
            raise RuntimeError('MARKEDNAME^ANNA')
        return real(path, *_)

    real = predictor.load
    monkeypatch.setattr(predictor, 'load', load)
    assert failures(run()) == {'3': '3.png: not readable (RuntimeError)'}


def test_an_image_that_the_model_cannot_take_stops_no_other(run, predictor, folder, monkeypatch):
    real = predictor.predict
    corner = read_image(folder / '2.png')[0, 0]

    def predict(batch):
        if any(loaded.image[0, 0] == corner for loaded in batch):
            raise MammoError('the model gives no numbers')
        return real(batch)

    monkeypatch.setattr(predictor, 'predict', predict)
    assert failures(run(batch_size=4)) == {'2': 'the model gives no numbers.'}


def test_a_file_that_changed_is_predicted_again_and_if_it_broke_nothing_of_it_stays(
    run, folder, tmp_path
):
    first = run()
    assert run() == {}
    write_blobs(folder / '1.png', 99)
    os.utime(folder / '3.png', ns=(1, 1))
    (folder / '5.png').write_bytes(b'broken')
    lines = run()
    assert list(lines) == ['1', '3', '5']
    assert lines['1']['score'] != first['1']['score']
    assert lines['3']['score'] == first['3']['score']
    left = [path for path in (tmp_path / 'out').rglob('5*') if path.is_file()]
    assert left == []


def test_pixels_have_the_size_that_the_table_or_the_index_tells(run, folder, tmp_path):
    table = folder / 'table.csv'
    table.write_text('image,spacing_mm\n0.png,0.1 0.2\n1.png,70\n2.png,\n')
    lines = run(find_inputs([table], tmp_path / 'out'))
    assert lines['0']['area_mm2'] == pytest.approx(lines['0']['area_pixels'] * 0.02)
    assert lines['2']['area_mm2'] is None
    reason = failures(lines)['1']
    assert reason.startswith('1.png: spacing_mm 70 70 makes the image 5600 × 4480 mm')
    given = Input('3.png', folder / '3.png', '3', extent_mm=(16.0, 25.6))
    line = run([given])['3']
    assert line['area_mm2'] == pytest.approx(line['area_pixels'] * 0.2 * 0.4)


def test_a_header_keeps_its_spacing_and_a_table_must_agree_with_it(
    run, folder, tmp_path, save_dicom
):
    levels = read_image(folder / '0.png')
    told = save_dicom(levels, 'told.dcm', ImagerPixelSpacing=[0.2, 0.2])
    sources = [
        Input('a.dcm', told, 'a', spacing=(0.2, 0.201)),
        Input('b.dcm', told, 'b', spacing=(0.05, 0.05)),
        Input('c.dcm', save_dicom(levels, 'silent.dcm'), 'c', spacing=(0.5, 0.1)),
    ]
    lines = run(sources)
    assert lines['a']['area_mm2'] == pytest.approx(lines['a']['area_pixels'] * 0.04)
    assert lines['c']['area_mm2'] == pytest.approx(lines['c']['area_pixels'] * 0.05)
    assert failures(lines)['b'].startswith(
        'b.dcm: spacing_mm is 0.05 0.05, its header says 0.2 0.2. Leave the cell empty'
    )


def test_a_full_disk_ends_the_run_in_one_line_and_it_goes_on_after(run, monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, 'No space left on device', str(tmp_path / 'out' / 'masks' / 'x'))

    with monkeypatch.context() as patch:
        patch.setattr('mmseg_mammo.inference.prediction_folder.run.write_image', full)
        with pytest.raises(MammoError, match=r'No space left on device.*the same command goes on'):
            run()
    assert list(run()) == list('012345')


def test_few_images_are_in_memory_however_many_there_are(run, predictor, folder, monkeypatch):
    """Those that are read ahead, and those that are being written."""
    alive, most, lock = set(), [], threading.Lock()
    real = predictor.load

    def load(path, *rest):
        loaded = real(path, *rest)
        with lock:
            alive.add(id(loaded))
            most.append(len(alive))
        weakref.finalize(loaded, lambda key: alive.discard(key), id(loaded))
        return loaded

    monkeypatch.setattr(predictor, 'load', load)
    inputs = [Input(f'{n}.png', folder / f'{n % 6}.png', str(n)) for n in range(120)]
    run(inputs, batch_size=2, workers=2)
    assert len(most) == 120
    assert max(most) <= 20
    assert max(most[60:]) <= max(most[:60]) + 4


def test_every_line_has_what_the_tables_need(run):
    for line in run().values():
        assert set(IMAGE_COLUMNS) <= set(line)
        assert line['seconds'] > 0
