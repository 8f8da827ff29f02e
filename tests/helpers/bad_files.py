"""Files that are not what a command needs: checkpoints, tables, folders and images, as users have them.

Each is made by a function of its path and of the folder of :func:`make_models`.
"""

import json
import pickle
import shutil
import zipfile
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from experiments import shrink, train, write_base
from PIL import Image
from raster_samples import encoded, png, tiff
from segmentations import digital, film, save
from tiny_models import save_checkpoint

from mmseg_mammo.io.checkpoint_record import MEMBER
from mmseg_mammo.io.dicom.segmentation import write_segmentation
from mmseg_mammo.io.image import write_png

DEEP = (np.arange(48 * 40).reshape(48, 40) % 251 * 200).astype(np.uint16)
LEVELS = (DEEP >> 8).astype(np.uint8)
COLOURS = np.dstack([LEVELS, LEVELS // 2, 255 - LEVELS])
LOGIN = b'<!DOCTYPE html>\n<html><title>Sign in</title></html>\n'


def make_models(folder, prepared):
    """Checkpoints of tiny models: ``unet.pth``, ``sam.pth``, ``lora.pth`` without its ``base.pth``.

    Prepared data lie in ``ours``.
    """
    save_checkpoint(folder / 'unet.pth', 'unet_cbis', prepared)
    save_checkpoint(folder / 'sam.pth', 'sam_finetune_cbis', prepared)
    base = write_base(folder / 'vit.pth', 'setr_pup_lora_cbis', prepared)
    train(shrink('setr_pup_lora_cbis', prepared, folder / 'lora', epochs=1, pretrained=base))
    shutil.copy(folder / 'lora' / 'epoch_1.pth', folder / 'lora.pth')
    (folder / 'vit.pth').rename(folder / 'base.pth')
    shutil.copytree(prepared, folder / 'ours')
    return folder


class Evil:
    """Makes a file when its pickle is loaded without care."""

    def __reduce__(self):
        return Path.touch, (Path('evil'),)


def text(content):
    return lambda path, _: path.write_text(content)


def data(content):
    return lambda path, _: path.write_bytes(content)


def torch_file(value, **options):
    return lambda path, _: torch.save(value, path, **options)


def config_text(content):
    return torch_file({'meta': {'cfg': content}, 'state_dict': {'a': torch.zeros(1)}})


def copy(name):
    return lambda path, models: shutil.copy(models / name, path)


def folder_of(*names):
    def make(path, models):
        path.mkdir()
        for name in names:
            FILES[name](path / name, models)

    return make


def _cut(path, models):
    path.write_bytes((models / 'unet.pth').read_bytes()[:-5000])


def _damaged(path, models):
    content = bytearray((models / 'unet.pth').read_bytes())
    start = content.index(b'data.pkl') + 200
    content[start : start + 300] = bytes(300)
    path.write_bytes(content)


def _with_record(change, path, models):
    """A checkpoint whose record is changed: text to text."""
    with zipfile.ZipFile(models / 'unet.pth') as old, zipfile.ZipFile(path, 'w') as new:
        for name in old.namelist():
            content = old.read(name)
            new.writestr(name, change(content.decode()) if name.endswith(MEMBER) else content)


def record(change):
    return partial(_with_record, change)


def _later(content):
    return json.dumps({**json.loads(content), 'format': 2})


def _quarter(content):
    found = json.loads(content)
    found['config']['model']['decode_head']['threshold'] = 0.25
    return json.dumps(found)


def _script(path, _):
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(path))


def _keras(path, _):
    with zipfile.ZipFile(path, 'w') as archive:
        archive.writestr('config.json', '{"module": "keras"}')


def _scan(path, _):
    write_png(path, DEEP)


HEAD = 'image,object,x,y,label\n'
# By the names that the commands call them.
FILES = {
    **{name: copy(name) for name in ('unet.pth', 'sam.pth', 'lora.pth', 'base.pth')},
    'ours': lambda path, models: shutil.copytree(models / 'ours', path),
    'empty.pth': text(''),
    'text.pth': text('The weights are on the other disk.\n'),
    'login.pth': data(LOGIN),
    'pointer.pth': text('version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 15\n'),
    'cut.pth': _cut,
    'damaged.pth': _damaged,
    'model.safetensors': data((8).to_bytes(8, 'little') + b'{"a":{}}' + bytes(64)),
    'keras.pth': _keras,
    'script.pth': _script,
    'legacy.pth': torch_file({'state_dict': {}}, _use_new_zipfile_serialization=False),
    'pickle.pth': data(pickle.dumps({'state_dict': {}})),
    'evil.pth': torch_file({'state_dict': {}, 'meta': Evil()}),
    'weights.pth': torch_file({'a': torch.zeros(1)}),
    'list.pth': torch_file([torch.zeros(1)]),
    'code.pth': config_text('import os\nos.system("touch evil")\n'),
    'foreign.pth': config_text('model = dict(type="otherpackage.Net")\n'),
    'later.pth': record(_later),
    'quarter.pth': record(_quarter),
    'halved.pth': record(lambda content: content[:100]),
    'bare.pth': record(lambda _: '{"format": 1}'),
    'config.py': text('model = dict(\n'),
    'scan.png': _scan,
    'letter.docx': data(b'PK\3\4'),
    'images': folder_of('scan.png'),
    'nothing': folder_of(),
    'letters': folder_of('letter.docx'),
    'closed': folder_of('scan.png'),
    'names.csv': text('file,patient\nscan.png,1\n'),
    'book.csv': data(b'PK\3\4'),
    'head.csv': text('image\n'),
    'side.csv': text('image,laterality\nscan.png,top\n'),
    'spacing.csv': text('image,spacing_mm\nscan.png,wide\n'),
    'latin.csv': data('image,view\nscan.png,schräg\n'.encode('cp1252')),
    'point.json': text('{"threshold": 0.4}'),
    'words.json': text('threshold: 0.4\n'),
    'list.json': text('[0.4]'),
    'none.json': text('{"temperature": 1.0}'),
    'null.json': text('{"threshold": null}'),
    'percent.json': text('{"threshold": 40}'),
    'unknown.json': text('{"threshold": 0.4, "treshold": 0.3}'),
    'points.csv': text(f'{HEAD}scan.png,a,10,10,1\n'),
    'no_points.csv': text(HEAD),
    'outside.csv': text(f'{HEAD}scan.png,a,4000,10,1\n'),
    'others.csv': text(f'{HEAD}other.png,a,10,10,1\n'),
    'columns.csv': text('image,x,y\nscan.png,10,10\n'),
    'word.csv': text(f'{HEAD}scan.png,a,left,10,1\n'),
}


def _saved(path, dataset):
    save(path.parent, dataset, path.name)


def _seg(path, _):
    source = save(path.parent, digital(), 'source.dcm')
    mask = np.eye(49, 37, dtype=bool)
    write_segmentation(source, mask, path, model='unet')
    source.unlink()


def _report(path, _):
    dataset = film()
    for name in ('Rows', 'Columns', 'PixelData'):
        delattr(dataset, name)
    _saved(path, dataset)


def _short(path, _):
    dataset = film()
    dataset.PixelData = dataset.PixelData[:100]
    _saved(path, dataset)


def _cut_dicom(path, _):
    _saved(path, film())
    path.write_bytes(path.read_bytes()[:500])


def _frames(path, _):
    dataset = film()
    dataset.NumberOfFrames, dataset.PixelData = 3, dataset.PixelData * 3
    _saved(path, dataset)


def _capture(path, _):
    dataset = film((48, 40))
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 3, 'RGB'
    dataset.PlanarConfiguration, dataset.BitsAllocated, dataset.BitsStored = 0, 8, 8
    dataset.HighBit, dataset.PixelData = 7, COLOURS.tobytes()
    _saved(path, dataset)


def dicom(**tags):
    return lambda path, _: _saved(path, film(**tags))


def _pages(path, _):
    path.write_bytes(tiff(LEVELS, LEVELS))


def _palette(path, _):
    image = Image.fromarray(LEVELS % 3)
    image.putpalette([0, 0, 0, 200, 0, 0, 0, 0, 200])
    path.write_bytes(encoded(image, 'PNG'))


def _floats(path, _):
    Image.fromarray(np.where(LEVELS > 9, LEVELS / 255, np.nan).astype(np.float32)).save(path)


def _cut_jpeg(path, _):
    path.write_bytes(encoded(LEVELS, 'JPEG')[:-300])


def _transparent(path, _):
    cv2.imwrite(str(path), np.dstack([LEVELS, LEVELS, LEVELS, LEVELS]))


ONE = ' Allowed: one greyscale frame (a 2-D mammogram). Leave tomosynthesis and screen captures out of the table.'
GREY = ' Export it as 8- or 16-bit greyscale, one plain picture.'
WHOLE = (
    ': not a readable image, probably truncated or corrupt. Allowed: a whole PNG, JPEG, TIFF, BMP or PGM '
    'file. Copy it again from its source, or run the preparation that wrote it again.'
)
HEADER = (
    ': not DICOM, or its header is damaged. Check the path, or copy the file again from its source.'
)
NO_IMAGE = (
    ': no image in this DICOM file (truncated, or a report). Allowed: mammography images. Copy the '
    'file again from its source, or leave it out.'
)
OTHER = f' Allowed: PNG, JPEG, TIFF, BMP, PGM or DICOM.{GREY}'
PATH = ' Check the path in the index or table.'
# Images that cannot be predicted on: how they are made, and the reason in failed.csv after their name.
IMAGES = {
    'text.dcm': (text('Image on PACS\n'), HEADER),
    'empty.dcm': (text(''), HEADER),
    'cut.dcm': (_cut_dicom, NO_IMAGE),
    'short.dcm': (
        _short,
        ': cannot decode its pixels (Implicit VR Little Endian): …. If it is truncated: copy it again …',
    ),
    'report.dcm': (_report, NO_IMAGE),
    'tomo.dcm': (_frames, f': 3 frame(s) of MONOCHROME2.{ONE}'),
    'capture.dcm': (_capture, f': 1 frame(s) of RGB.{ONE}'),
    'seg.dcm': (
        _seg,
        ': a DICOM segmentation (SEG), not an image. Allowed: mammograms. Leave it out.',
    ),
    'raw.dcm': (
        dicom(PresentationIntentType='FOR PROCESSING'),
        ': raw detector data (FOR PROCESSING). Allowed: images FOR PRESENTATION. Export the …',
    ),
    'bits.dcm': (dicom(BitsStored=4), ': cannot decode its pixels (…): pixels use 16 bits, …'),
    'photo.jpg': (data(encoded(COLOURS, 'JPEG')), f': a colour image.{GREY}'),
    'photo.png': (data(png(COLOURS, 2)), f': a colour image.{GREY}'),
    'palette.png': (_palette, f': a colour image (by its palette).{GREY}'),
    'ink.jpg': (
        data(encoded(Image.new('CMYK', (40, 48)), 'JPEG')),
        f': CMYK, the inks of a printer.{GREY}',
    ),
    'clear.png': (_transparent, f': transparency hides a part of it.{GREY}'),
    'empty.png': (text(''), WHOLE),
    'letter.png': (data(b'%PDF-1.7\n/Encrypt 1 0 R\n'), f': a PDF file.{OTHER}'),
    'login.png': (data(LOGIN), f': an HTML, XML or SVG file.{OTHER}'),
    'film.png': (data(encoded(LEVELS, 'GIF')), f': a GIF file.{OTHER}'),
    'phone.jpg': (
        data(b'\0\0\0\x18ftypheic\0\0\0\0mif1heic' + bytes(99)),
        f': a file of HEIC.{OTHER}',
    ),
    'cut.png': (data(encoded(DEEP, 'PNG')[:-40]), WHOLE),
    'cut.jpg': (_cut_jpeg, WHOLE),
    'pages.tif': (_pages, f': 2 pages in one file.{GREY}'),
    'floats.tif': (_floats, f': samples are floating point numbers.{GREY}'),
    'lost.png': (
        lambda path, _: path.symlink_to('not_mounted.png'),
        f': No such file or directory.{PATH}',
    ),
    'folder.png': (lambda path, _: path.mkdir(), f': Is a directory.{PATH}'),
}
