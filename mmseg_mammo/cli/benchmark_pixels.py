"""Measure the reading and writing of images without loss: PNG, zstd, blosc2, and as in memory.

Example:
  mammoseg benchmark pixels data/cbis_ddsm/images/*.png
  mammoseg benchmark pixels a.dcm b.dcm --clahe

The pixel cache keeps images of full size by one of them: docs/cache.md.
"""

import argparse
from pathlib import Path

from mmseg_mammo.cli.benchmark_options import add_out, claim_out
from mmseg_mammo.cli.common import check_counts

_COLUMNS = ('kept as', 'write, CPU ms', 'read, CPU ms', 'share of memory', 'PNG ÷ this, read')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a benchmark of codecs."""
    add = parser.add_argument
    add('images', type=Path, nargs='+', metavar='IMAGE', help='PNG, DICOM and others')
    add('--clahe', action='store_true', help='of what MammoCLAHE makes of them, 8 bits')
    add('--repeats', type=int, default=5, help='of each image; the median counts (default: 5)')
    add_out(parser)


def main(args: argparse.Namespace) -> None:
    """Measure, print and write."""
    import cv2

    from mmseg_mammo.benchmark.codecs import find_codecs, measure_codecs
    from mmseg_mammo.benchmark.pictures import Panel, write_curves
    from mmseg_mammo.benchmark.table import header, line, number, picture_of, write_results
    from mmseg_mammo.io.image import read_image
    from mmseg_mammo.transforms.clahe import clahe

    check_counts(args, ('repeats',), 'numbers from 1 on')
    cv2.setNumThreads(0)  # as trainings do
    codecs = find_codecs()
    images = [read_image(path) for path in args.images]
    if args.clahe:
        images = [clahe(image, 2.0, (8, 8)) for image in images]
    out = claim_out(args)
    rows = measure_codecs(images, codecs, args.repeats)
    kinds = sorted({f'{h}×{w} {image.dtype}' for image in images for h, w in [image.shape]})
    write_results(out, rows, benchmark='pixels', images=len(images), kinds=kinds)
    print(f'{len(images)} images: {", ".join(kinds[:3])}{" …" if len(kinds) > 3 else ""}')
    print(header(_COLUMNS))
    for row in rows:
        cells = [number(row[key], 1e-3) for key in ('write_seconds', 'read_seconds')]
        ratio = number(row['png_by_this'], 1, 1)
        print(line([row['codec'], *cells, number(row['share'], 1, 3), ratio]))
    names = {float(place): row['codec'] for place, row in enumerate(rows)}
    series = {
        text: [(place, row[key] * 1e3) for place, row in zip(names, rows, strict=True)]
        for text, key in (('write', 'write_seconds'), ('read', 'read_seconds'))
    }
    write_curves(picture_of(out), 'pixels', [Panel('', 'CPU ms an image', series, names=names)])
    print(f'Everything that was measured: {out}')
