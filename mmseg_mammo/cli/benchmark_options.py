"""What the benchmarks share: the file of their results, and phantoms in place of a user's images."""

import argparse
import copy
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import INDEX_NAME

if TYPE_CHECKING:
    from mmengine.config import Config


def add_out(parser: argparse.ArgumentParser) -> None:
    """Add the file of the results."""
    parser.add_argument(
        '--out',
        type=Path,
        help='JSON file (default: benchmark-<time>.json), never overwritten; the picture is beside it',
    )


def claim_out(args: argparse.Namespace) -> Path:
    """The file of the results, empty.

    Raises:
        MammoError: It exists, or its picture.
    """
    from mmseg_mammo.benchmark.table import claim_file

    out = args.out or Path(time.strftime('benchmark-%Y%m%d_%H%M%S.json'))
    claim_file(out)
    return out


def add_phantoms(parser: argparse.ArgumentParser) -> None:
    """Add phantoms in place of images."""
    add = parser.add_argument
    add(
        '--phantoms',
        type=int,
        metavar='N',
        help="invent about N films in a temporary folder (default: the config's data)",
    )
    add(
        '--height', type=int, default=4000, help='of phantoms before preparation (default: 4000 px)'
    )


@contextmanager
def data_folder(args: argparse.Namespace) -> Iterator[Path | None]:
    """A temporary folder with a raw download of phantoms, or None without ``--phantoms``."""
    from mmseg_mammo.benchmark.phantom_data import make_raw

    if args.phantoms is None:
        yield None
        return
    with TemporaryDirectory(prefix='benchmark-') as name:
        make_raw(Path(name), args.phantoms, args.height)
        yield Path(name)


def use_phantoms(cfg: 'Config', folder: Path | None) -> None:
    """Let a config read prepared phantoms, which are prepared now if they are not yet.

    Args:
        cfg: Changed; left as it is without a folder.
        folder: Of :func:`data_folder`.

    Raises:
        MammoError: There is no folder, and no data either.
    """
    from mmseg_mammo.benchmark.phantom_data import PREPARED, measure_preparation, use_data
    from mmseg_mammo.engine.config.checks import datasets_of
    from mmseg_mammo.engine.training_record.reference import fill_reference

    if folder is None:
        roots = [d.get('data_root') or '' for _, d in datasets_of(cfg.train_dataloader, '')]
        absent = [root for root in roots if not (Path(root) / INDEX_NAME).is_file()]
        if absent:
            raise MammoError(
                f'{absent[0]}: no {INDEX_NAME}',
                'prepared images',
                'Take --phantoms 24, or --cfg-options train_dataloader.dataset.data_root=FOLDER',
            )
    else:
        if not (folder / PREPARED / INDEX_NAME).is_file():
            measure_preparation(folder, [1])
        use_data(cfg, folder / PREPARED)
    fill_reference(cfg)


def read_config(path: str, args: argparse.Namespace) -> 'Config':
    """The config of ``path`` with the overrides of the command line.

    Raises:
        MammoError: It cannot be read, or no single process trains it.
    """
    from mmseg_mammo.benchmark.train_step import check_trainable
    from mmseg_mammo.engine.config.edits import use_mixed_precision
    from mmseg_mammo.engine.config.load import load_config

    cfg = load_config(
        argparse.Namespace(
            config=path,
            side=getattr(args, 'side', None),
            cfg_options=args.cfg_options and copy.deepcopy(args.cfg_options),
            launcher='none',
            work_dir=None,
        )
    )
    check_trainable(cfg, path)
    if getattr(args, 'amp', False):
        use_mixed_precision(cfg)
    return cfg
