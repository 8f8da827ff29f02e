"""Write a config of your own from a shipped one, or list the shipped ones.

Example:
  mammoseg config setr_pup_vpt_cbis --out my_hospital.py
  mammoseg config setr_pup_vpt_cbis --flat --out whole.py

The first inherits the shipped config and names your data; the second has every setting, for
MMSegmentation's own tools too. Without a name the shipped configs are listed.
"""

import argparse
import ast
from pathlib import Path
from typing import TYPE_CHECKING

from mmseg_mammo.cli.common import host_command, named_errors
from mmseg_mammo.errors import MammoError
from mmseg_mammo.version import __version__

if TYPE_CHECKING:
    from mmengine.config import Config

_SPLITS = ('train', 'val', 'test')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the writing of configs."""
    add = parser.add_argument
    add('name', nargs='?', help='shipped config, such as sam_lora_cbis (default: list them)')
    add('--out', type=Path, help='new file (default: print it)')
    add(
        '--data-root',
        help='your prepared folder (default: data/ours; with --flat that of the config)',
    )
    add('--flat', action='store_true', help='write every setting, without _base_ (default: not)')


def main(args: argparse.Namespace) -> None:
    """List, print or write. A list needs no host."""
    if args.name is not None:
        _make(args)
        return
    with named_errors('error'):
        if given := [name for name in ('out', 'data_root', 'flat') if getattr(args, name)]:
            raise MammoError(
                f'--{given[0].replace("_", "-")}: no config is named',
                remedy='mammoseg config lists the shipped ones',
            )
        print(list_shipped(), end='')


@host_command
def _make(args: argparse.Namespace) -> None:
    text = (whole if args.flat else heir)(args.name, args.data_root)
    if args.out:
        _write_new(args.out, text)
        trains = '\ntrain_dataloader = dict(' in text
        following = f'train {args.out}' if trains else f'test {args.out} CHECKPOINT'
        print(f'{args.out} is written. Next: mammoseg {following}')
    else:
        print(text, end='')


def _write_new(path: Path, text: str) -> None:
    if path.suffix != '.py':
        raise MammoError(f'--out {path}', 'a file that ends in .py')
    try:
        with path.open('x', encoding='utf-8') as file:
            file.write(text)
    except FileExistsError as error:
        raise MammoError(
            f'--out {path}: is there already', 'a new file', 'Remove it, or name another'
        ) from error
    except OSError as error:
        raise MammoError(f'--out {path}: not written ({error.strerror})') from error


def list_shipped() -> str:
    """The names of the shipped configs, each with the first line of its docstring."""
    from mmseg_mammo.io.shipped import shipped_configs

    found = {name: _title(path) for name, path in shipped_configs().items()}
    width = max(map(len, found))
    return ''.join(f'{name:<{width}}  {title}\n' for name, title in found.items())


def _title(path: Path) -> str:
    tree = ast.parse(path.read_text(encoding='utf-8'))
    return (ast.get_docstring(tree) or '').partition('\n')[0]


def heir(name: str, data_root: str | None = None) -> str:
    """A config that inherits a shipped one, and reads a prepared folder of one's own.

    Args:
        name: Of :func:`~mmseg_mammo.io.shipped.find_config`.
        data_root: The prepared folder; None: ``data/ours``.

    Returns:
        Its text: a docstring, ``_base_``, the data, and each loader that the shipped one has.

    Raises:
        MammoError: No shipped config has this name.
    """
    from mmseg_mammo.engine.config.load import read_config
    from mmseg_mammo.io.shipped import PREFIX, shipped_name

    base = shipped_name(name)
    cfg = read_config(f'{PREFIX}{base}.py')
    lines = [
        f'"""Our hospital, by {base} of mmseg_mammo {__version__}."""',
        '',
        f'_base_ = {f"{PREFIX}{base}.py"!r}',
        '# The folder with index.csv, made by mammoseg prepare.',
        f"data = dict(type='MammographyDataset', data_root={data_root or 'data/ours'!r})",
        *(f'{split}_dataloader = dict(dataset=data)' for split in _splits(cfg)),
    ]
    return '\n'.join(lines) + '\n'


def whole(name: str, data_root: str | None = None) -> str:
    """Every setting of a config, without ``_base_``, as MMSegmentation's own tools read it.

    Args:
        name: Of :func:`~mmseg_mammo.io.shipped.find_config`, or a file.
        data_root: A prepared folder to put in the place of that of the config.

    Returns:
        The text of a Python config.

    Raises:
        MammoError: There is no such config, or it cannot be read.
    """
    from mmseg_mammo.engine.config.load import read_config

    cfg = read_config(name)
    if data_root:
        for split in _splits(cfg):
            cfg[f'{split}_dataloader'].dataset.update(
                type='MammographyDataset', data_root=data_root
            )
    title = f'"""Every setting of {name}, written by mmseg_mammo {__version__}."""'
    return f'{title}\n\n{cfg.pretty_text}'


def _splits(cfg: 'Config') -> list[str]:
    return [split for split in _SPLITS if cfg.get(f'{split}_dataloader')]
