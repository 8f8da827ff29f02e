"""Shipped configs: finds them by name, resolves ``_base_`` that names one, says which moved."""

import difflib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from mmengine.config import Config

import mmseg_mammo
from mmseg_mammo.errors import MammoError

# Before a path below the folder of shipped configs: ``_base_ = 'mmseg_mammo::unet_cbis.py'``.
PREFIX = 'mmseg_mammo::'
_LIST = 'mammoseg config lists the shipped ones'
_FIRST = '_base_/runtime.py'  # tells this folder from another one that is called configs

_TUNING = (
    *('setr_pup_head', 'setr_pup_bias', 'setr_pup_lora', 'setr_pup_vpt_shallow'),
    *('sam_lora', 'sam_decoder'),
)
_SAM = ('sam_finetune_iou_all', 'sam_finetune_sam2')
_STRONG = ('unet_strong', 'setr_pup_vpt_strong')
_TOPICS = {
    name: topic
    for topic, names in (('tuning', _TUNING), ('sam', _SAM), ('strong', _STRONG))
    for name in names
}
# A config that was in the folder itself -> where it is now; or, of one that was deleted, the config
# whose test does the same, and by which option.
MOVED = {
    **{f'{name}_cbis.py': f'{topic}/{name}_cbis.py' for name, topic in _TOPICS.items()},
    'setr_pup_finetune_fsdp_cbis.py': 'tuning/setr_pup_finetune_fsdp_cbis.py',
    **{
        f'{name}_zgt.py': f'{topic}/{name}_cbis.py --dataset zgt' for name, topic in _TOPICS.items()
    },
}


def configs_folder() -> Path:
    """The folder of the shipped configs.

    Returns:
        ``configs/`` beside the package, in a clone or an editable installation; else its copy
        inside the installed package, ``mmseg_mammo/.mim/configs``.

    Raises:
        MammoError: There is neither.
    """
    package = Path(mmseg_mammo.__file__).parent
    folders = (package.parent / 'configs', package / '.mim' / 'configs')
    for folder in folders:
        if (folder / _FIRST).is_file():
            return folder
    raise MammoError(
        f'{folders[1]}: the shipped configs are missing', remedy='Install mmseg_mammo again'
    )


def shipped_configs() -> dict[str, Path]:
    """Every shipped experiment by its name, ``unet_cbis`` or ``tuning/sam_lora_cbis``.

    Those without a folder come first.
    """
    folder = configs_folder()
    found = [path.relative_to(folder) for path in folder.rglob('*.py')]
    found = [path for path in found if path.parts[0] != '_base_']
    found.sort(key=lambda path: (len(path.parts), path))
    return {path.with_suffix('').as_posix(): folder / path for path in found}


def find_config(name: str | Path) -> Path:
    """The file of a config that a command line names.

    Args:
        name: A file of any kind that MMEngine reads; or the name of a shipped config, with or
            without its folder, ``.py`` and ``mmseg_mammo::`` before it: ``sam_lora_cbis``.

    Returns:
        ``name`` itself where it is a file, else the shipped config.

    Raises:
        MammoError: There is none; several have the name; or it has moved.
    """
    if Path(name).is_file():
        return Path(name)
    text = str(name)
    found = _below(text.removeprefix(PREFIX), text)
    if found is None and Path(name).is_dir():
        raise MammoError(f'{name}: a folder, not a config', remedy=_LIST)
    return found or _refuse(text, text)


def shipped_name(name: str) -> str:
    """The whole name of a shipped config, such as ``tuning/sam_lora_cbis`` of ``sam_lora_cbis``.

    Raises:
        MammoError: There is none; several have the name; or it has moved.
    """
    found = _below(name.removeprefix(PREFIX), name) or _refuse(name, name)
    return found.relative_to(configs_folder()).with_suffix('').as_posix()


def refuse_moved(asked: str, where: str, heir: Path | None = None) -> None:
    """End with the new name of a missing config, if it is one that has moved or was deleted.

    The new name is a path where ``asked`` was one and the file lies there, as in a clone; else the
    name that every command, or ``_base_``, finds.

    Args:
        asked: As it was asked for, perhaps with folders, ``mmseg_mammo::`` or without ``.py``.
        where: What the message begins with: ``asked``, or the file that names it.
        heir: The config whose ``_base_`` asks for it; None for a command line.

    Raises:
        MammoError: It has moved, or was deleted.
    """
    path = asked.removesuffix('.py') + '.py'
    old = re.split('/|::', path)[-1]
    if old not in MOVED:
        return
    new, _, option = MOVED[old].partition(' ')
    there = path.removesuffix(old) + new
    if not (heir.parent if heir else Path()).joinpath(there).is_file():
        there = PREFIX + new if heir or asked.startswith(PREFIX) else new
    raise MammoError(
        f'{where}: {"no longer there" if option else "has moved"}',
        there,
        f'Name that one, and give its test {option}' if option else 'Name that one',
    )


@contextmanager
def shipped_bases() -> Iterator[None]:
    """Let ``_base_`` name a shipped config, and end in one line where it names one that moved.

    MMEngine resolves ``package::path`` for packages of OpenMMLab alone, wants a folder in the path,
    and looks below ``.mim``, which a clone does not have. So its own function is replaced while
    configs are read.
    """
    theirs = Config.__dict__['_get_cfg_path']

    def path_of(base: str, heir: str) -> tuple[str, str | None]:
        where = f'{heir}: _base_ {base!r}'
        if base.startswith(PREFIX):
            return str(_below(base.removeprefix(PREFIX), where) or _refuse(base, where)), None
        path, scope = theirs.__func__(base, heir)
        if not Path(path).is_file():
            refuse_moved(base, where, Path(heir))
        return path, scope

    Config._get_cfg_path = staticmethod(path_of)
    try:
        yield
    finally:
        Config._get_cfg_path = theirs


def _below(name: str, where: str) -> Path | None:
    """The shipped file of a path below the folder, or of a name that lies in one of its folders."""
    path = Path(name.removesuffix('.py') + '.py')
    if path.is_absolute() or name.startswith('.'):
        return None
    exact = configs_folder() / path
    if exact.is_file():
        return exact
    found = {name: file for name, file in shipped_configs().items() if file.name == path.as_posix()}
    if len(found) > 1:
        raise MammoError(f'{where}: several shipped configs have this name', ' or '.join(found))
    return next(iter(found.values()), None)


def _refuse(asked: str, where: str) -> NoReturn:
    refuse_moved(asked, where)
    stems = {name.rpartition('/')[2]: name for name in reversed(list(shipped_configs()))}
    close = difflib.get_close_matches(re.split('/|::', asked.removesuffix('.py'))[-1], stems, 3)
    raise MammoError(f'{where}: no such config', ' or '.join(stems[s] for s in close), _LIST)
