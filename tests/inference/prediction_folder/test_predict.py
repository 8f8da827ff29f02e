"""A prediction folder from inputs: killed, resumed, shared by processes; what its record says."""

import csv
import json
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
import torch
from tiny_models import write_blobs

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction_folder import predict as module
from mmseg_mammo.inference.prediction_folder.image_files import Outputs
from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
from mmseg_mammo.inference.prediction_folder.predict import Share, predict_folder
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.image import read_image, write_png
from mmseg_mammo.preparation.image_statistics import image_statistics
from mmseg_mammo.preparation.likeness import features_of, to_record


@pytest.fixture(scope='module')
def predictor(unet):
    return Predictor(unet, device='cpu')


@pytest.fixture
def inputs(tmp_path):
    for number in range(12):
        write_blobs(tmp_path / 'in' / f'{number:02d}.png', number)
    return find_inputs([tmp_path / 'in'], tmp_path / 'out')


def rows(path):
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


def lines(out):
    return [json.loads(line) for path in (out / '.journal').glob('*.jsonl') for line in path.open()]


def in_process(predictor, inputs, out, share=None, seconds=0.0):
    """A forked process that predicts, slowly."""

    def work():
        torch.set_num_threads(1)
        real = predictor.predict

        def predict(batch):
            time.sleep(seconds)
            return real(batch)

        predictor.predict = predict
        predict_folder(predictor, inputs, out, Outputs(), share=share)
        os._exit(0)

    process = multiprocessing.get_context('fork').Process(target=work)
    process.start()
    return process


def wait_for(condition, process):
    while not condition():
        assert process.is_alive()
        time.sleep(0.02)


def test_a_run_that_was_killed_goes_on_with_nothing_lost_and_nothing_twice(
    predictor, inputs, tmp_path
):
    out = tmp_path / 'out'
    process = in_process(predictor, inputs, out, seconds=0.05)
    journal = out / '.journal' / 'part-0-of-1.jsonl'
    wait_for(lambda: journal.is_file() and journal.read_bytes().count(b'\n') >= 3, process)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    before = lines(out)
    assert 3 <= len(before) < 12
    assert json.loads((out / 'run.json').read_text())['state'] == 'running'
    assert not (out / 'predictions.csv').exists()
    journal.write_bytes(journal.read_bytes() + b'{"key": "11", "sco')
    (out / 'masks' / '.partial-of-a-killed-process').touch()
    record = predict_folder(predictor, inputs, out, Outputs())
    assert record['counts']['images'] == 12
    assert not [*out.rglob('.partial-*')]
    complete = [line for line in journal.read_text().splitlines() if line.endswith('}')]
    keys = [json.loads(line)['key'] for line in complete]
    assert sorted(keys) == [f'{n:02d}' for n in range(12)]
    assert keys[: len(before)] == [line['key'] for line in before]
    assert [row['key'] for row in rows(out / 'predictions.csv')] == sorted(keys)
    assert sorted(path.stem for path in (out / 'masks').glob('[!.]*')) == sorted(keys)
    assert json.loads((out / 'run.json').read_text()) == json.loads(json.dumps(record))


def test_parts_run_at_once_and_one_of_them_writes_the_tables(predictor, inputs, tmp_path):
    out = tmp_path / 'out'
    running = [in_process(predictor, inputs, out, Share(3, part), 0.01) for part in range(3)]
    for process in running:
        process.join(60)
    assert [process.exitcode for process in running] == [0, 0, 0]
    found = sorted(line['key'] for line in lines(out))
    assert found == [f'{n:02d}' for n in range(12)]
    assert [row['key'] for row in rows(out / 'predictions.csv')] == found
    assert json.loads((out / 'run.json').read_text())['state'] == 'finished'


def test_two_processes_of_one_part_are_refused(predictor, inputs, tmp_path):
    out = tmp_path / 'out'
    process = in_process(predictor, inputs, out, Share(2, 0), seconds=0.3)
    try:
        wait_for(lambda: (out / '.journal' / 'part-0-of-2.jsonl').is_file(), process)
        with pytest.raises(MammoError, match='another process is predicting this part'):
            predict_folder(predictor, inputs, out, Outputs(), share=Share(2, 0))
    finally:
        process.kill()
        process.join()


def test_shares_are_disjoint_and_complete():
    items = list(range(11))
    for parts in (1, 2, 3, 20):
        taken = [item for part in range(parts) for item in Share(parts, part).of(items)]
        assert sorted(taken) == items
    for part in (-1, 3):
        with pytest.raises(MammoError, match=f'--part-id {part} of --num-parts 3'):
            Share(3, part)


def test_what_failed_in_one_part_may_be_mended_by_a_run_of_all(predictor, inputs, tmp_path):
    out = tmp_path / 'out'
    good = inputs[1].path.read_bytes()
    inputs[1].path.write_bytes(b'broken')
    for part in (0, 1):
        record = predict_folder(predictor, inputs, out, Outputs(), share=Share(2, part))
    assert record['counts']['failed'] == 1
    inputs[1].path.write_bytes(good)
    record = predict_folder(predictor, inputs, out, Outputs())
    assert record['counts'] | {'with_marks': 0} == {
        **dict(images=12, failed=0, with_marks=0, without_prompt=0, without_segmentation=0),
        **dict(compared=0, unusual=0, unlike=0),  # four training images are too few
    }


def test_the_record_says_of_what_by_what_and_how(unet, sam, predictor, inputs, tmp_path):
    record = predict_folder(predictor, inputs[:1], tmp_path / 'out', Outputs(probabilities=True))
    assert record['device'] == 'cpu'
    assert record['checkpoints'][0]['file'] == 'unet.pth'
    assert record['checkpoints'][0]['name'] == 'unet_cbis'
    assert len(record['checkpoints'][0]['sha256']) == 64
    assert (record['threshold'], record['breast_only'], record['tta']) == (0.5, False, False)
    assert record['mask_kind'] == {'phantom': 4}
    assert record['probabilities'] is True
    assert record['versions']['mmseg_mammo']
    prompts = tmp_path / 'p.csv'
    prompts.write_text('image,object,x,y,label\n00.png,1,30,30,1\n')
    pointed = Predictor(sam, device='cpu', prompts=prompts)
    record = predict_folder(pointed, inputs[:2], tmp_path / 'sam', Outputs())
    assert (record['prompts'], record['coordinates']) == ('p.csv', 'original')
    assert record['counts']['without_prompt'] == 1
    moved = tmp_path / 'moved' / 'q.csv'
    moved.parent.mkdir()
    moved.write_bytes(prompts.read_bytes())
    pointed = Predictor(sam, device='cpu', prompts=moved)
    predict_folder(pointed, inputs[:2], tmp_path / 'sam', Outputs())
    moved.write_text('image,object,x,y,label\n00.png,1,31,30,1\n')
    pointed = Predictor(sam, device='cpu', prompts=moved)
    with pytest.raises(MammoError, match='prompts_sha256 was'):
        predict_folder(pointed, inputs[:2], tmp_path / 'sam', Outputs())


def test_prompts_of_an_image_that_is_not_there_are_seen_before_the_folder_is_made(
    sam, inputs, tmp_path
):
    prompts = tmp_path / 'p.csv'
    prompts.write_text('image,object,x,y,label\nother.png,1,30,30,1\n')
    with pytest.raises(MammoError, match='no prompts for any of 12 images'):
        predict_folder(
            Predictor(sam, device='cpu', prompts=prompts), inputs, tmp_path / 'out', Outputs()
        )
    assert not (tmp_path / 'out').exists()


def test_each_image_is_compared_with_what_the_record_says_of_the_training_images(
    predictor, inputs, tmp_path, monkeypatch
):
    """Of fewer than ten training images nothing is said, as in the other tests."""
    found = [image_statistics(read_image(source.path)) for source in inputs]
    features = to_record([features_of(each) for each in found])
    record = {'images': {'count': 12, 'percent': [], 'quantiles': {}, 'features': features}}
    monkeypatch.setattr(module, 'read_record', lambda file: record)
    write_png(inputs[3].path, 255 - read_image(inputs[3].path))
    counts = predict_folder(predictor, inputs[2:5], tmp_path / 'out', Outputs())['counts']
    assert (counts['compared'], counts['unlike']) == (3, 1)
    said = [row['likeness_why'].partition(':')[0] for row in rows(tmp_path / 'out/predictions.csv')]
    assert said[1] == 'unlike'


def test_the_share_by_the_network_is_the_same_in_parts_and_at_another_batch_size(
    predictor, inputs, tmp_path, monkeypatch
):
    found = [features_of(image_statistics(read_image(source.path))) for source in inputs]
    vectors = [predictor(source.path).features.tolist() for source in inputs]
    images = {'count': 12, 'percent': [], 'quantiles': {}, 'features': to_record(found)}
    monkeypatch.setattr(module, 'read_record', lambda file: {'images': images})
    shares = []
    for number, rows_of_network in enumerate((vectors, (np.array(vectors) + 1).tolist())):
        images['network'] = rows_of_network
        out, whole = tmp_path / str(number), tmp_path / f'{number} at once'
        for share, size in ((Share(2, 0), 3), (Share(2, 1), 2)):
            predict_folder(predictor, inputs, out, Outputs(), share=share, batch_size=size)
        predict_folder(predictor, inputs, whole, Outputs())
        parts, once = (rows(folder / 'predictions.csv') for folder in (out, whole))
        said = [[row['likeness_network'] for row in table] for table in (parts, once)]
        assert said[0] == said[1]
        shares.append({float(share) for share in said[0]})
        assert all('network' not in row['likeness_why'] for row in once)
    assert min(shares[0]) > 0.2  # they are training images
    assert shares[1] == {round(1 / 13, 4)}


def test_sources_whose_names_have_commas_are_told_apart():
    trained = {'images': 9, 'source': {'ours': 5, 'ours, lesion-free sides': 4}}
    assert module._data(trained) == '9 images of ours; ours, lesion-free sides'
    assert module._data({}) == ''
