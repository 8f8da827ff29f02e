"""``info``: a checkpoint in lines or as JSON, at once and without torch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from records import BASE, RECORD, change_record, save, two_stages

from mmseg_mammo.cli import info
from mmseg_mammo.cli.main import main
from mmseg_mammo.io.checkpoint_record import ONNX_KEY, record_text
from mmseg_mammo.io.mask import IMAGE_LABEL
from mmseg_mammo.io.onnx.metadata import pack_metadata
from mmseg_mammo.io.run_folder import IMAGE_LABELS

SCRIPT = Path(__file__).parents[2] / 'tools' / 'mammoseg'


def lines(path, capsys):
    main(['info', str(path)])
    return capsys.readouterr().out.splitlines()


def test_it_says_in_lines_what_the_checkpoint_is(tmp_path, capsys):
    said = '\n'.join(lines(save(tmp_path / 'a.pth'), capsys))
    for text in (
        'config        unet_cbis',
        'model         InputGridEncoderDecoder',
        '224×224 pixels: Resize(scale=(224, 224))',
        'mean 127.5, std 127.5',
        'threshold     0.5',
        'train         4 images (3 lesion, 1 normal) of 2 patients, phantom masks',
        'epoch         3, step 6',
        'best score    lesion_dice 61.25',
        'weights       the trained ones alone',
        'medians of 4: 80×64 pixels of 16 bits, breast 25%, grey level in it 101 of 255',
        f'weights/ViT-L_16.npz (pretrained; SHA-256 {"a" * 64}); licence Apache-2.0 by its name',
        'made by       mmseg_mammo 9.9.9',
        'Not a medical device.',
    ):
        assert text in said


def test_it_says_that_mirror_images_are_looked_at(tmp_path, capsys):
    config = RECORD['config'] | {'model': {'test_output': {'flips': True}}}
    said = '\n'.join(lines(save(tmp_path / 'a.pth', RECORD | {'config': config}), capsys))
    assert ', of the mean over four mirror images' in said


def test_images_without_a_mask_are_counted(tmp_path, capsys):
    assert (info.IMAGE_LABEL, info.IMAGE_LABELS) == (IMAGE_LABEL, IMAGE_LABELS)
    data = {**RECORD['trained_on']['train'], 'image_labels': 2}
    data['mask_kind'] = {'contour': 2, 'image-label': 2}
    said = lines(save(tmp_path / 'a.pth', {**RECORD, 'trained_on': {'train': data}}), capsys)
    assert 'contour masks, 2 image labels without a mask; index' in '\n'.join(said)


@pytest.mark.parametrize('model', [{'object_score': {}}, {'presence_head': {'in_channels': 8}}])
def test_a_model_with_presence_says_what_it_closes(model, tmp_path, capsys):
    def said(**output):
        config = RECORD['config'] | {'model': {**model, 'test_output': output}}
        found = lines(save(tmp_path / 'a.pth', RECORD | {'config': config}), capsys)
        return [line for line in found if line.startswith('presence')]

    assert said() == ['presence      no threshold: no image is closed by it']
    assert said(presence_threshold=0.25) == ['presence      images up to 0.25 are closed']


def test_a_two_stage_model_says_what_its_stages_are_and_what_was_chosen(tmp_path, capsys):
    said = lines(save(tmp_path / 'a.pth', two_stages()), capsys)
    found = [line for line in said if line.startswith(('finder', 'refiner', 'chosen', 'presence'))]
    stage = (
        f'InputGridEncoderDecoder, 224×224 pixels, epoch 3, lesion_dice 61.25; SHA-256 {"c" * 64}'
    )
    chosen = (
        'the best 2 candidates with a score from 0.15 on (weights 0.5 0.25 0.125, bias -1 of finder '
        'score, presence, highest probability), on 3 validation images with a lesion and 1 normal '
        'ones: lesion Dice 45.50'
    )
    assert found == [
        'presence      no threshold: no image is closed by it',
        f'finder        unet_finder_cbis: {stage}',
        f'refiner       unet_refiner_cbis: {stage}',
        f'chosen        {chosen}',
    ]


def test_presence_of_two_stages_is_of_no_epoch(tmp_path, capsys):
    record = two_stages()
    record['config']['model']['test_output'] = {'presence_threshold': 0.25}
    facts = {'presence_threshold': 0.25, 'target': 'sensitivity=0.95', 'lesion': 3, 'normal': 1}
    said = lines(save(tmp_path / 'a.pth', record | {'presence': facts}), capsys)
    assert any(line.endswith('and 1 normal ones of the validation') for line in said)


def test_a_chain_of_bases_is_shown_in_its_order(tmp_path, capsys):
    unknown = dict.fromkeys(('licence', 'publisher', 'trained_on'), 'unknown')
    second = {'role': 'load_from', 'file': 'b.pth', 'sha256': None, **unknown, 'base': [BASE]}
    found = lines(save(tmp_path / 'a.pth', RECORD | {'base': [second]}), capsys)
    first, after = (line for line in found if line.startswith('base'))
    assert first == (
        'base          b.pth (load_from; SHA-256 not known); licence unknown: its name is none of '
        'those that are known'
    )
    assert after.startswith('base of it    weights/ViT-L_16.npz')


def test_of_an_onnx_file_it_says_what_goes_in_and_comes_out(tmp_path, capsys):
    facts = {
        'part': 'model',
        'opset': 17,
        'inputs': {'image': ['batch', 3, 32, 48]},
        'outputs': {'logits': ['batch', 1, 32, 48], 'probability': ['batch', 32, 48]},
    }
    path = tmp_path / 'a.onnx'
    text = record_text(RECORD | {'onnx': facts})
    path.write_bytes(b'\x08\x08' + pack_metadata({ONNX_KEY: text}))
    said = lines(path, capsys)
    assert said[0] == 'config        unet_cbis'
    assert (
        'ONNX          the model, opset 17: image batch×3×32×48 to logits batch×1×32×48, '
        'probability batch×32×48' in said
    )


def test_what_predict_does_to_an_original_file_first_is_said(tmp_path, capsys):
    def said(name, **options):
        return '\n'.join(lines(save(tmp_path / name, RECORD | {'preparation': options}), capsys))

    assert (
        'prepared      shrunk to 2048 pixels on the longer side; predict does the same to an '
        'original file' in said('a.pth', long_side=2048, voi=True)
    )
    assert 'prepared      without the VOI window; ' in said('b.pth', long_side=0, voi=False)
    assert 'prepared' not in said('c.pth', long_side=0)


def test_what_a_training_need_not_have_may_be_missing(tmp_path, capsys):
    images = RECORD['images'] | {'count': 0, 'quantiles': {}}
    plain = RECORD | {'base': [], 'best_score': {}, 'images': images, 'trained_only': False}
    plain |= {'trained_on': {'train': {'type': 'Mine', 'images': 5}}}
    plain |= {'input': RECORD['input'] | {'size': None, 'mean': None, 'std': None}}
    said = '\n'.join(lines(save(tmp_path / 'a.pth', plain), capsys))
    for text in (
        'none, from scratch',
        'none yet',
        'not known',
        'weights       all',
        'train         5 images',
        'as the image pixels',
        'mean none, std none',
    ):
        assert text in said
    tuning = {
        'start': {'name': 'unet', 'sha256': '0' * 64},
        'parameters': 9,
        'trained': 3,
        'new': [],
    }
    tuned = '\n'.join(lines(save(tmp_path / 'b.pth', plain | {'tuning': tuning}), capsys))
    assert 'no validation chose: the last weights count' in tuned


def test_a_record_cannot_command_the_terminal(tmp_path, capsys):
    found = lines(save(tmp_path / 'a.pth', RECORD | {'name': 'a\x1b[2J\nmodel  b'}), capsys)
    assert found[0] == 'config        a?[2J?model  b'


def test_json_is_the_whole_record(tmp_path, capsys):
    main(['info', str(save(tmp_path / 'a.pth')), '--json'])
    found = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert found == json.loads(json.dumps(RECORD))


def test_a_trained_checkpoint_is_described(trained, capsys):
    said = '\n'.join(lines(trained / 'epoch_1.pth', capsys))
    assert 'config        setr_pup_vpt_cbis' in said
    assert 'ReadMammogram' in said
    assert 'medians of 4: 80×64 pixels of 16 bits' in said


def test_what_has_no_record_ends_in_one_line(tmp_path):
    whole = save(tmp_path / 'whole.pth')
    (tmp_path / 'empty.pth').touch()
    change_record(whole, tmp_path / 'odd.pth', input=3)
    change_record(whole, tmp_path / 'less.pth', images={'percent': [50]})
    save(tmp_path / 'other.pth', None)
    for name, said in (
        ('absent', 'No such file'),
        ('empty', 'an empty file'),
        ('odd', 'its record is incomplete'),
        ('less', "its record is incomplete .KeyError: 'quantiles'"),
        ('other', 'no record: of another program, or of an earlier version'),
    ):
        with pytest.raises(SystemExit, match=rf'^mammoseg info: .*{name}\.pth: {said}') as ended:
            main(['info', str(tmp_path / f'{name}.pth')])
        assert '\n' not in str(ended.value)


def test_it_needs_no_torch(tmp_path):
    code = (
        'import runpy, sys\n'
        f"sys.argv = ['mammoseg', 'info', {str(save(tmp_path / 'a.pth'))!r}]\n"
        f"runpy.run_path({str(SCRIPT)!r}, run_name='__main__')\n"
        "print([name for name in ('torch', 'mmengine', 'cv2', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == '[]'


@pytest.mark.parametrize('buffered', ['', '1'])
@pytest.mark.parametrize('words', [['info', 'FILE'], ['info', 'FILE', '--json'], ['--help']])
def test_it_ends_quietly_where_nobody_reads_on(words, buffered, tmp_path):
    path = str(save(tmp_path / 'a.pth', RECORD | {'name': 'y' * 100_000}))
    read, write = os.pipe()
    os.close(read)
    done = subprocess.run(
        [sys.executable, str(SCRIPT), *(path if word == 'FILE' else word for word in words)],
        stdout=write,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        env={**os.environ, 'PYTHONUNBUFFERED': buffered},
    )
    os.close(write)
    assert done.stderr == ''
    assert done.returncode == 141 or words == ['--help']  # of which argparse says nothing
