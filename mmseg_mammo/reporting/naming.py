"""Naming: the shortest names that tell data sets and folders apart."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePath
from typing import Any

_VERSION = re.compile(r' \(index \w+\)')


def may_be_one(one: PurePath, other: PurePath) -> bool:
    """Whether two paths may name one place: runs may have started in different folders."""
    shorter, longer = sorted((one.parts, other.parts), key=len)
    return bool(shorter) and longer[-len(shorter) :] == shorter


def telling_tail(path: PurePath, others: Sequence[PurePath]) -> str:
    """The shortest end of a path, with forward slashes, that is the end of none of ``others``."""
    for parts in range(1, len(path.parts) + 1):
        tail = path.parts[-parts:]
        if not any(other.parts[-parts:] == tail for other in others):
            return '/'.join(tail)
    return str(path)


def name_folders(data: Iterable[Mapping[str, Any]]) -> dict[str, str]:
    """Name the data sets of runs: what has one ``index.csv`` is one data set, wherever it lies.

    Args:
        data: Entries of ``data`` of ``run.json``, those of the oldest run first.

    Returns:
        :func:`data_key` -> the folder of the data set by its name, or by as much of its path as
        tells it from the others. Where paths do not tell, ``(index …)`` is added: the folder was
        prepared again, or runs were started in different folders.
    """
    paths = {data_key(one): PurePath(one['data_root']) for entry in data for one in _members(entry)}
    names = {
        key: telling_tail(path, [p for p in paths.values() if not may_be_one(p, path)])
        for key, path in paths.items()
    }
    counts = Counter(names.values())
    places = {
        key: [other for other in paths if may_be_one(paths[other], paths[key])] for key in paths
    }
    return {
        key: f'{name} (index {key[:8]})' if counts[name] > 1 or len(places[key]) > 1 else name
        for key, name in names.items()
    }


def data_key(data: Mapping[str, Any]) -> str:
    """What identifies a data set: the SHA-256 of its index, of a part that of the whole; of old runs its path."""
    return str(data.get('part_of') or data.get('index_sha256') or data['data_root'])


def dataset_name(
    data: Mapping[str, Any], usual: str = 'test', folders: Mapping[str, str] | None = None
) -> str:
    """Name of a data set of ``run.json``: its folder, and what narrows it down.

    Args:
        data: An entry of ``data``; a ``ConcatDataset`` is called by its members.
        usual: The split that goes without saying: ``test``, of a training ``train``.
        folders: From :func:`name_folders`; by default the last name of the path.
    """
    if 'members' in data:
        names = [dataset_name(member, usual, folders) for member in data['members']]
        if len(set(names)) < len(names):  # one index in several folders
            names = [dataset_name(member, usual) for member in data['members']]
        return ' + '.join(names)
    name = (folders or {}).get(data_key(data), PurePath(data['data_root']).name)
    if data.get('finding'):
        name += f' ({data["finding"]} only)'
    return name if data['split'] == usual else f'{name} ({data["split"]} split)'


def strip_version(name: str) -> str:
    """The name of a data set, whichever ``index.csv`` it had."""
    return _VERSION.sub('', name)


def _members(data: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for member in data.get('members', ()):
        yield from _members(member)
    if 'members' not in data:
        yield data
