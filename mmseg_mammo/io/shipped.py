"""Shipped configs: finds them by name, and says which moved."""

import difflib
import re
from pathlib import Path
from typing import NoReturn

from mmseg_mammo.errors import MammoError

# Before a path below the folder of shipped configs: ``_base_ = 'mmseg_mammo::unet_cbis.py'``.
PREFIX = 'mmseg_mammo::'
_PACKAGE = Path(__file__).parents[1]
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
    folders = (_PACKAGE.parent / 'configs', _PACKAGE / '.mim' / 'configs')
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
    found = _shipped_below(text.removeprefix(PREFIX), text)
    if found is None and Path(name).is_dir():
        raise MammoError(f'{name}: a folder, not a config', remedy=_LIST)
    return found or _refuse_unknown(text, text)


def shipped_file(name: str, where: str) -> Path:
    """The file of a shipped config.

    Args:
        name: With or without its folder, ``.py`` and ``mmseg_mammo::``; also one below ``_base_``.
        where: What the message of an error begins with.

    Raises:
        MammoError: There is none; several have the name; or it has moved.
    """
    return _shipped_below(name.removeprefix(PREFIX), where) or _refuse_unknown(name, where)


def shipped_name(name: str) -> str:
    """The whole name of a shipped config, such as ``tuning/sam_lora_cbis`` of ``sam_lora_cbis``.

    Raises:
        MammoError: There is none; several have the name; or it has moved.
    """
    return shipped_file(name, name).relative_to(configs_folder()).with_suffix('').as_posix()


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


def _shipped_below(name: str, where: str) -> Path | None:
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


def _refuse_unknown(asked: str, where: str) -> NoReturn:
    refuse_moved(asked, where)
    stems = {name.rpartition('/')[2]: name for name in reversed(list(shipped_configs()))}
    close = difflib.get_close_matches(re.split('/|::', asked.removesuffix('.py'))[-1], stems, 3)
    raise MammoError(f'{where}: no such config', ' or '.join(stems[s] for s in close), _LIST)
