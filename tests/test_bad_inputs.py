"""Every bad input ends in one clear line: the command, and what the user sees.

``…`` stands for any text: a version, a hash, the sentence of a library.
"""

import csv
import errno
import os
import re
import shlex
import sys

import pytest
from bad_files import FILES, IMAGES, make_models
from mmengine.logging import MMLogger
from segmentations import PATIENT

from mmseg_mammo.cli.main import main

SAVED = 'Allowed: a file that mammoseg train or MMEngine saved.'
COPY = f'{SAVED} Copy it again and compare its size.'
POINT = 'mammoseg calibrate and mammoseg report write such files; write it again.'
CONFIG = 'Give the config: before the checkpoint, or to mammoseg predict by --config.'
IMAGE = 'DICOM, .png, .jpg, .jpeg, .tif, .tiff, .bmp, .pgm'
TO = 'scan.png --out out'
CHECKPOINTS = {
    'absent.pth': f'no such checkpoint file. {SAVED} Training writes them to its work folder.',
    'images': f'a folder. {SAVED} Training writes them to its work folder.',
    'empty.pth': f'an empty file. {COPY}',
    'text.pth': f'a text file. {SAVED}',
    'login.pth': f'a web page, whatever its name says. {SAVED} Download the file itself; its site may '
    'ask you to sign in.',
    'pointer.pth': f'a pointer of Git LFS, not the file itself. {SAVED} Run git lfs pull.',
    'cut.pth': f'not a complete PyTorch checkpoint. {COPY}',
    'damaged.pth': 'damaged inside, torch cannot read it. Allowed: a file that torch.save wrote. Copy it '
    'again and compare its hash.',
    'model.safetensors': f'weights of safetensors, without a config. {SAVED} They can start a training '
    'as pretrained.',
    'keras.pth': f'a ZIP archive without weights of PyTorch. {SAVED}',
    'script.pth': f'a program of TorchScript. {SAVED}',
    'legacy.pth': f'a bare pickle, as torch before 1.6 wrote. {SAVED} Load and save it again with a '
    'later torch, if you trust who made it.',
    'pickle.pth': f'a bare pickle, as torch before 1.6 wrote. {SAVED} Load and save it again with a '
    'later torch, if you trust who made it.',
    'evil.pth': 'holds more than tensors and plain data (pathlib.Path). Allowed: a checkpoint of this project, of '
    'MMSegmentation, or a state dict. Take weights from who trained them as .safetensors, or as a '
    'state dict of tensors alone.',
    'weights.pth': f'does not hold the config of its training. {CONFIG}',
    'list.pth': 'holds a list, not weights. Allowed: a checkpoint of this project, of MMSegmentation, or a '
    'state dict.',
    'code.pth': f"the config inside is not plain data ('import os'), and is not run. {CONFIG}",
    'foreign.pth': "of the config inside, model.type='otherpackage.Net' cannot be built from a checkpoint "
    'alone. Allowed: what this package and the host register. Give the config, if you trust it: before '
    'the checkpoint, or by --config.',
    'later.pth': 'its record is of format 2, of a later version of mmseg_mammo. Allowed: formats up to 1. '
    'Update mmseg_mammo.',
    'halved.pth': 'its record is damaged (…). Copy the file again.',
    'bare.pth': "its record is damaged (config is 'None'). Copy the file again.",
}
# Other reasons for other commands, which need no config or no weights.
INFO = {
    'absent.pth': 'No such file or directory. Check the path.',
    'images': 'Is a directory. Check the path.',
    'damaged.pth': None,
    **dict.fromkeys(
        (
            'keras.pth',
            'script.pth',
            'evil.pth',
            'weights.pth',
            'list.pth',
            'code.pth',
            'foreign.pth',
        ),
        'no record: of another program, or of an earlier version. Allowed: a checkpoint that this '
        'version trained. Name its config beside it where a command asks for one.',
    ),
}
NO_GPU = 'torch finds no GPU here. Allowed: cpu. Check nvidia-smi, CUDA_VISIBLE_DEVICES and that …'
OTHER_MODEL = (
    'The checkpoint unet.pth is of another model than the config: 113 tensors have another shape, such as '
    '…. Name the checkpoint that this config, or the one it inherits from, trained, with the --side and '
    '--cfg-options of its training.'
)
NO_BASE = (
    'lora.pth holds the trained weights alone, on top of vit.pth (SHA-256 …); {}. Allowed: the pre-trained '
    'file of the training. Name it with --base FILE.'
)
NOWHERE = NO_BASE.format('neither …vit.pth nor weights/ holds that file')
NOT_OURS = 'not made by mammoseg predict. Allowed: a new or empty folder, or one to go on with. Name another --out.'
PLACE = 'Make room, give yourself the right to write, or name another place.'
NO_PROMPTS = (
    'sam_finetune_cbis.py takes its prompts from the true mask, and a new image has none. Allowed: a table '
    'of points or boxes. Give --prompts FILE (docs/sam.md says what is in it).'
)
LONELY = (
    '--operating-point point.json beside {}: its threshold holds for its own settings only. Allowed: one of '
    'them. Leave one out, or write a file for these settings with mammoseg calibrate.'
)
IMAGES_OR_TABLE = (
    f'{IMAGE}, a folder of them, a prepared folder, or a CSV table with a column image.'
)
BEST = 'Allowed: specificity=S or sensitivity=S with S between 0 and 1, such as specificity=0.9.'
POINTS = {
    'absent': f'No such file or directory. {POINT}',
    'words': f'not JSON (…). {POINT}',
    'list': f'not a JSON object. {POINT}',
    'none': f'no threshold. Allowed: a probability from 0 to 1. {POINT}',
    'null': f'threshold is null. Allowed: a probability from 0 to 1. {POINT}',
    'percent': f'threshold is 40. Allowed: a probability from 0 to 1. {POINT}',
    'unknown': f"unknown key 'treshold'. Allowed: threshold, temperature, …. {POINT}",
}
PROMPTS = {
    'absent': 'No such file or directory. Check the path.',
    'no_points': 'no rows. Allowed: a row for each point, or box.',
    'columns': 'missing column object; it has image, x, y. Allowed: image, object. Add the column.',
    'word': "row 2: x 'left'. Allowed: numbers in x, y, label. Correct the cell.",
    'book': 'not a CSV file but a workbook (.ods, .numbers), a damaged .xlsx or another ZIP file. Open it there. '
    'Save it as CSV UTF-8.',
    'others': 'no prompts for any of 1 images, such as scan.png. Allowed: in column image the path of '
    'one, its file name, or that without its ending. Correct the names, or test the images that they '
    'name.',
}
U, S = f'predict unet.pth {TO}', f'predict sam.pth {TO}'
CASES = {
    **{f'predict {name} {TO}': f'{name}: {line}' for name, line in CHECKPOINTS.items()},
    **{
        f'{command} {name}{more}': f'{name}: {CHECKPOINTS[name]}'
        for command, more in (
            ('test', ' --dataset ours'),
            ('test unet_cbis', ' --dataset ours'),
            ('export', ' new.pth'),
            ('calibrate', ' --data ours'),
        )
        for name in ('absent.pth', 'text.pth', 'evil.pth', 'damaged.pth', 'list.pth')
    },
    **{
        f'info {name}': f'{name}: {INFO.get(name, line)}'
        for name, line in CHECKPOINTS.items()
        if INFO.get(name, line)
    },
    'test weights.pth --dataset ours': f'weights.pth: {CHECKPOINTS["weights.pth"]}',
    # The base, and the config
    f'predict lora.pth {TO}': NOWHERE,
    'test lora.pth --dataset ours': NOWHERE,
    'export lora.pth new.pth': NOWHERE,
    'calibrate lora.pth --data ours': NOWHERE,
    f'predict lora.pth {TO} --base absent.pth': '--base absent.pth: no such file.',
    f'predict lora.pth {TO} --base unet.pth': NO_BASE.format('unet.pth is another file'),
    f'{U} --base base.pth': '--base base.pth: unet.pth holds every weight. Leave --base out.',
    f'{U} --config absent': 'absent: no such config. mammoseg config lists the shipped ones.',
    f'{U} --config config.py': "config.py: not readable (SyntaxError: '(' was never closed …). Allowed: a "
    'config of MMEngine (.py, .json, .yaml). Correct the file, or a base that it names.',
    f'{U} --config unet_cbis': OTHER_MODEL,
    'test unet_cbis unet.pth --dataset ours': OTHER_MODEL,
    'export unet_cbis unet.pth new.pth': OTHER_MODEL,
    f'{U} --ensemble quarter.pth': 'checkpoints with threshold 0.5, 0.25. Allowed: one for their mean. '
    'Give --threshold, or --operating-point for all.',
    f'{U} --ensemble absent.pth': 'absent.pth: no such checkpoint file. Allowed: one of unet.pth. Training '
    'writes them to its work folder.',
    f'{U} --ensemble sam.pth': NO_PROMPTS,
    # Inputs
    'predict unet.pth absent.png --out out': 'absent.png: no such file or folder. Check the path.',
    'predict unet.pth nothing --out out': f'nothing: no image in it. Allowed: files of {IMAGE}. Check the '
    'path.',
    'predict unet.pth letters --out out': f'letters: no image in it. Allowed: files of {IMAGE}. Check the '
    'path.',
    'predict unet.pth closed --out out': 'closed: Permission denied, so that nobody knows what is in this '
    'folder. Allowed: folders that can be listed. Give yourself the right to read it, mount its disk, or '
    'move it out.',
    'predict unet.pth letter.docx --out out': 'letter.docx: neither an image nor a table. Allowed: '
    f'{IMAGES_OR_TABLE}',
    'predict unet.pth names.csv --out out': 'names.csv: missing column image; it has file, patient. '
    'Allowed: image. Call the column of the paths image, or give the folder of the images instead.',
    'predict unet.pth book.csv --out out': f'book.csv: {PROMPTS["book"]}',
    'predict unet.pth head.csv --out out': f'head.csv: no image in it. Allowed: files of {IMAGE}. Check '
    'the path.',
    'predict unet.pth latin.csv --out out': 'latin.csv, line 2: letters that are not UTF-8, perhaps '
    'Windows-1252; what they were cannot be told for sure. Save it as CSV UTF-8.',
    'predict unet.pth side.csv --out out': "side.csv, row 2: image 'scan.png', laterality 'TOP'. Allowed: "
    'a path, and LEFT, RIGHT, L, R or nothing.',
    'predict unet.pth spacing.csv --out out': "spacing.csv, row 2: spacing_mm 'wide'. Allowed: one or two "
    'lengths in mm.',
    f'{U} --split test': '--split test: none of the inputs is a prepared folder. Allowed: folders of '
    'mammoseg prepare. Leave --split out.',
    'test unet.pth --dataset absent': '--dataset absent: neither a folder with an index.csv nor a known '
    'name. Allowed: a prepared folder, or one of cbis_ddsm, cbis_ddsm_1024, cbis_ddsm_crops, cbis_ddsm_finder, '
    'cbis_ddsm_strong2, zgt, zgt_1024.',
    'calibrate unet.pth --data images': '--data images: no index.csv in it. Allowed: a folder of mammoseg '
    'prepare.',
    # Where to write
    'predict unet.pth images --out images': 'images: no image in it but those in images, the '
    f'folder to write to. Allowed: files of {IMAGE}. Check the path.',
    'predict unet.pth images --out letters': f'letters: not empty, and {NOT_OURS}',
    'predict unet.pth images --out scan.png': f'scan.png: a file, {NOT_OURS}',
    'predict unet.pth images --out letter.docx/out': f'letter.docx/out/.journal: Not a directory. {PLACE}',
    'export unet.pth images': 'images exists. Name another file.',
    'export unet.pth unet.pth': 'unet.pth exists. Name another file.',
    'export unet.pth letter.docx/new.pth': f'letter.docx: File exists. {PLACE}',
    'test unet.pth --dataset ours --out letters': 'letters: label images are to be written there, and it '
    'holds letter.docx. Allowed: a new or empty folder. Name another one with --out, or clear it.',
    'test unet.pth --dataset ours --work-dir letter.docx': 'letter.docx: nothing can be written there '
    '(File exists). Name another --work-dir.',
    'calibrate unet.pth --data ours --out point.json': 'point.json exists, and is not overwritten. Name '
    'another --out.',
    # Thresholds
    **{
        f'{command} {option}': f'--threshold {value}. Allowed: a probability from 0 to 1.'
        for command in (U, 'test unet.pth --dataset ours')
        for option, value in (
            ('--threshold 1.5', '1.5'),
            ('--threshold=-1', '-1'),
            ('--threshold nan', 'nan'),
        )
    },
    f'{U} --threshold 0.4 --operating-point point.json': LONELY.format('--threshold'),
    f'{U} --breast-only --operating-point point.json': LONELY.format('--breast-only'),
    **{f'{U} --operating-point {name}.json': f'{name}.json: {POINTS[name]}' for name in POINTS},
    'test unet.pth --dataset ours --operating-point null.json': f'null.json: {POINTS["null"]}',
    'calibrate unet.pth --data ours --target 0.9': f"target '0.9'. {BEST}",
    'calibrate unet.pth --data ours --target specificity=90': f"target 'specificity=90'. {BEST}",
    'calibrate unet.pth --data ours --split test': 'target specificity=0.9 with 1 normal images. '
    'Allowed: 9 or more of them. Annotate more, or lower the target.',
    'calibrate sam.pth --data ours': 'calibrate: a SAM whose prompts come from the truth. Allowed: a '
    'model without prompts, or prompts_from="given". A threshold that was found with the help of the true '
    'masks holds for nothing else.',
    # The machine
    f'{U} --device cuda': f'--device cuda: {NO_GPU}',
    f'{U} --device cuda:7': f'--device cuda:7: {NO_GPU}',
    'test unet.pth --dataset ours --device cuda': f'--device cuda: {NO_GPU}',
    'calibrate unet.pth --data ours --device cuda': f'--device cuda: {NO_GPU}',
    **{
        f'{U} --device {name}': f'--device {name}: no such device. Allowed: auto, cpu, cuda, cuda:1 and so on.'
        for name in ('tpu', 'xpu', 'mps', 'meta', 'CUDA')
    },
    f'{U} --batch-size 0': '--batch-size 0. Allowed: a number from 1 on.',
    f'{U} --workers 0': '--workers 0. Allowed: a number from 1 on.',
    f'{U} --num-parts 0': '--num-parts 0. Allowed: a number from 1 on.',
    f'{U} --num-parts 4 --part-id 4': '--part-id 4 of --num-parts 4. Allowed: 0 to 3.',
    f'{U} --part-id=-1': '--part-id -1 of --num-parts 1. Allowed: 0 to 0.',
    'test unet.pth --dataset ours --side 33': '--side 33. Allowed: a multiple of 16 (UNet halves its input '
    '4 times), such as 32 or 48.',
    # Prompts
    S: NO_PROMPTS,
    f'{S} --prompts points.csv --tta': '--tta with a model that takes prompts. Leave --tta out.',
    f'{S} --coordinates original': '--coordinates original: no effect. Allowed: --coordinates beside '
    '--prompts FILE.',
    f'{U} --prompts points.csv': '--prompts points.csv: InputGridEncoderDecoder takes no prompts. Allowed: a '
    'config of SAMSegmentor, such as sam_finetune_cbis. Leave --prompts out.',
    **{f'{S} --prompts {name}.csv': f'…{name}.csv… {line}' for name, line in PROMPTS.items()},
    'test sam.pth --dataset ours --prompts others.csv': '…others.csv: 1 names of images that the index does '
    'not have: other.png. Allowed: in column image the path as in index.csv, the file name, or that '
    'without its ending. Correct the names, or delete their rows.',
}
# What argparse refuses: its usage goes before the line, and the status is 2.
USAGE = {
    'predict unet.pth scan.png': 'the following arguments are required: -o/--out',
    f'{U} --threshold abc': "argument --threshold: invalid float value: 'abc'",
    f'{U} --batch-size many': "argument --batch-size: invalid int value: 'many'",
    f'{U} --split all': "argument --split: invalid choice: 'all' (choose from …)",
    'calibrate unet.pth': 'the following arguments are required: --data',
    'export unet.pth': 'the following arguments are required: …',
    'info': 'the following arguments are required: checkpoint',
    'predcit unet.pth': "argument COMMAND: invalid choice: 'predcit' (choose from …)",
}


@pytest.fixture(scope='module')
def models(prepared, tmp_path_factory):
    """A folder of checkpoints, of which each test gets copies."""
    return make_models(tmp_path_factory.mktemp('models'), prepared)


@pytest.fixture
def place(models, tmp_path, monkeypatch):
    """The folder that a command is run in; called with a command, it makes the files that are named."""
    monkeypatch.chdir(tmp_path)

    def make(words):
        parts = {part for word in words for part in (word, word.split('/')[0])}
        for name in parts & FILES.keys():
            FILES[name](tmp_path / name, models)
        return tmp_path

    return make


def run(words, capfd):
    """Exit status, and the lines on standard error as a shell would show them."""
    MMLogger._instance_dict.clear()  # their console is that of an earlier test
    capfd.readouterr()
    with pytest.raises(SystemExit) as ended:
        main(words)
    code = ended.value.code
    said = capfd.readouterr().err + (code if isinstance(code, str) else '')
    return (1 if isinstance(code, str) else code), said.splitlines()


def contents(folder):
    """Names and bytes of all files, but those that say when they were looked at."""
    found = sorted(path for path in folder.rglob('*') if 'work_dirs' not in path.parts)
    return {path: path.read_bytes() if path.is_file() else None for path in found}


def shown(line):
    """The pattern of a line in which ``…`` stands for any text."""
    return '.*'.join(map(re.escape, line.split('…')))


@pytest.mark.parametrize('command', CASES)
def test_a_bad_input_ends_in_one_line(command, place, capfd, monkeypatch):
    words = shlex.split(command)
    folder = place(words)
    close(monkeypatch, 'closed')
    before = contents(folder)
    status, lines = run(words, capfd)
    start = 'mammoseg info' if words[0] == 'info' else 'error'
    assert len(lines) == 1, lines
    assert re.fullmatch(f'{start}: {shown(CASES[command])}', lines[0]), lines[0]
    assert status == 1
    assert contents(folder) == before


@pytest.mark.parametrize('command', USAGE)
def test_a_bad_command_line_ends_with_the_usage(command, place, capfd):
    words = shlex.split(command)
    folder = place(words)
    before = contents(folder)
    status, lines = run(words, capfd)
    assert lines[0].startswith('usage: mammoseg')
    assert re.fullmatch(rf'mammoseg( \w+)?: error: {shown(USAGE[command])}', lines[-1]), lines[-1]
    assert status == 2
    assert contents(folder) == before


def close(monkeypatch, name):
    """Let a folder be one that nobody may list, also for root."""
    scandir = os.scandir

    def refuse(path='.'):
        if str(path) == name:
            raise PermissionError(errno.EACCES, 'Permission denied', name)
        return scandir(path)

    monkeypatch.setattr(os, 'scandir', refuse)


def test_a_dicom_seg_without_highdicom(place, capfd, monkeypatch):
    folder = place(['unet.pth', 'scan.png'])
    before = contents(folder)
    monkeypatch.setitem(sys.modules, 'highdicom.seg', None)
    status, lines = run(shlex.split(f'{U} --seg'), capfd)
    assert status == 1
    (line,) = lines
    assert line == (
        'error: DICOM SEG needs the package highdicom, which is not installed. '
        "pip install '.[seg]' in the repository."
    )
    assert contents(folder) == before


def predict(words, capfd):
    main(shlex.split(words))
    return capfd.readouterr()


@pytest.mark.parametrize(
    ('more', 'changed'),
    [
        ('--threshold 0.25', 'threshold was 0.5, is 0.25'),
        ('--probabilities', 'probabilities was False, is True'),
    ],
)
def test_a_folder_of_other_settings(more, changed, place, capfd):
    folder = place(['unet.pth', 'scan.png'])
    predict(U, capfd)
    before = contents(folder)
    status, lines = run(shlex.split(f'{U} {more}'), capfd)
    assert status == 1
    (line,) = lines
    assert line == (
        f'error: out holds predictions with other settings: {changed}. Name another --out, or repeat the '
        'earlier settings to go on.'
    )
    assert contents(folder) == before


def test_a_folder_of_another_checkpoint(place, capfd):
    folder = place(['unet.pth', 'quarter.pth', 'scan.png'])
    predict(U, capfd)
    before = contents(folder)
    status, lines = run(shlex.split(f'predict quarter.pth {TO} --threshold 0.5'), capfd)
    assert status == 1
    (line,) = lines
    assert re.fullmatch(
        shown('error: out holds predictions with other settings: checkpoints was …'), line
    )
    assert contents(folder) == before


@pytest.mark.parametrize('fault', [errno.ENOSPC, errno.EROFS, errno.EACCES, errno.EDQUOT])
@pytest.mark.parametrize('command', [U, 'export unet.pth new.pth'])
def test_a_disk_that_is_full_or_closed(command, fault, place, capfd, monkeypatch):
    folder = place(['unet.pth', 'scan.png'])
    before = contents(folder)
    text = os.strerror(fault)

    def refuse(*_, **__):
        raise OSError(fault, text)

    monkeypatch.setattr('tempfile.mkstemp', refuse)
    status, lines = run(shlex.split(command), capfd)
    assert (status, lines) == (1, [f'error: {text}. {PLACE}'])
    assert {path for path in contents(folder) if path.is_file()} == set(before)


def test_images_that_cannot_be_read_stop_no_other(place, capfd):
    folder = place(['unet.pth', 'scan.png'])
    (folder / 'in').mkdir()
    for name, (make, _) in IMAGES.items():
        make(folder / 'in' / name, None)
    names = [*(f'in/{name}' for name in IMAGES), 'scan.png']
    (folder / 'all.csv').write_text('\n'.join(['image', *names, '']))
    said = predict('predict unet.pth all.csv --out out', capfd)
    assert f'1 images predicted, 1 with marks at threshold 0.5; {len(IMAGES)} failed' in said.out
    with (folder / 'out/failed.csv').open(newline='') as stream:
        reasons = {row['image']: row['reason'] for row in csv.DictReader(stream)}
    assert list(reasons) == names[:-1]
    for name, (_, reason) in IMAGES.items():
        assert re.fullmatch(re.escape(f'in/{name}') + shown(reason), reasons[f'in/{name}'])
    files = (path for path in (folder / 'out').rglob('*') if path.is_file())
    written = ''.join(path.read_text(errors='replace') for path in files)
    for text in (said.out, said.err, written):
        assert PATIENT not in text
        assert 'Traceback' not in text


def test_no_image_that_can_be_predicted(place, capfd):
    folder = place(['sam.pth', 'scan.png', 'outside.csv'])
    status, lines = run(shlex.split(f'{S} --prompts outside.csv'), capfd)
    assert status == 1
    assert lines[-1] == (
        'error: out: none of 1 images could be predicted. See the reasons in out/failed.csv.'
    )
    with (folder / 'out/failed.csv').open(newline='') as stream:
        (row,) = csv.DictReader(stream)
    assert 'the prompt at x=4000.0, y=10.0 lies outside. Allowed: x from 0 to 39' in row['reason']
