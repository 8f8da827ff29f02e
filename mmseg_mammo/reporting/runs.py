"""Runs of a report: found below the given folders, named and selected."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path, PurePath
from typing import Any

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.checkpoint_record import FOLDS
from mmseg_mammo.io.files import read_json
from mmseg_mammo.io.run_folder import AGAIN, IMPORT, IMPORTED, RUN, TEST_OUTPUT
from mmseg_mammo.io.tables.learning_curve import CurveTables
from mmseg_mammo.reporting.consistency import find_warnings
from mmseg_mammo.reporting.learning_curves import find_curves, hidden_runs
from mmseg_mammo.reporting.naming import dataset_name, may_be_one, name_folders, telling_tail
from mmseg_mammo.reporting.run_reader import Test, read_test
from mmseg_mammo.reporting.trainings import find_trainings, training_of

COUNTS = 'of which the newest test counts; --name RUN=NAME tells them apart'
Run = tuple[Path, Mapping[str, Any]]


@dataclass(frozen=True)
class Runs:
    """What a report is made from.

    Attributes:
        tests: One for each model and data set; by data set, those trained on first.
        left_out: (folder, reason) of every run that is not used.
        warnings: What a reader must know about the choice.
        curves: Learning curves.
    """

    tests: tuple[Test, ...]
    left_out: tuple[tuple[Path, str], ...]
    warnings: tuple[str, ...]
    curves: tuple[CurveTables, ...] = ()

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names in the order of ``tests``."""
        return tuple(dict.fromkeys(test.dataset for test in self.tests))

    @property
    def models(self) -> tuple[str, ...]:
        """Names in the order of ``tests``."""
        return tuple(dict.fromkeys(test.model for test in self.tests))

    @property
    def places(self) -> dict[str, int]:
        """Index of each model, by which it looks the same in all figures."""
        return {model: place for place, model in enumerate(self.models)}

    def slug(self, dataset: str) -> str:
        """Part of file names for a data set; two data sets never share one."""
        slugs: dict[str, str] = {}
        for name in self.datasets:
            slug = re.sub(r'\W+', '_', name).strip('_').lower() or 'data'
            more = (f'{slug}_{number}' for number in count(2))
            slugs[name] = next(s for s in chain([slug], more) if s not in slugs.values())
        return slugs[dataset]

    def on(self, dataset: str) -> tuple[Test, ...]:
        """The tests on one data set."""
        return tuple(test for test in self.tests if test.dataset == dataset)


def find_runs(roots: Sequence[Path], names: Mapping[Path, str] | None = None) -> Runs:
    """Find the runs in and below ``roots``.

    A test belongs to the training in whose work folder its checkpoint lies. Of several tests of
    one model, checkpoint and data set the newest is taken.

    Args:
        roots: Run folders, work folders, or folders above them.
        names: Names of the models whose tests lie in or below a folder; by default the stem of
            the config without ``_cbis`` or ``_zgt``.

    Raises:
        MammoError: No finished test is there; a name fits no test; or a file is missing.
    """
    found, curves = _find(roots), find_curves(roots)
    hidden, said = hidden_runs([folder for folder, _ in found], curves, roots)
    found = [run for run in found if run[0] not in hidden]
    trainings = [run for run in found if run[1].get('mode') == 'train']
    tests = [run for run in found if run[1].get('mode') == 'test']
    left_out = [(path, 'did not finish') for path, run in tests if run.get('state') != 'finished']
    tests = [run for run in tests if run[1].get('state') == 'finished']
    if not tests and not curves:
        none = f'{", ".join(map(str, roots))}: no finished test in or below'
        remedy = said[0][1].capitalize() if said else 'Run mammoseg test'
        raise MammoError(none, 'folders with run.json', remedy)
    folders = name_folders(_data([*trainings, *tests]))
    trained = find_trainings(trainings, folders)
    kept, older, mixed = _select_newest(_name_models(tests, names or {}), folders)
    left_out += [*older, *said]
    read = [
        read_test(folder, model, training_of(run, _checkpoint(run), trained), folders)
        for folder, run, model in kept
    ]
    ordered = _in_order(read)
    return Runs(tuple(ordered), tuple(left_out), (*find_warnings(ordered), *mixed), curves)


def _find(roots: Sequence[Path]) -> list[Run]:
    """Folders with a ``run.json``, the oldest first; each once."""
    folders: dict[Path, Path] = {}
    for root in roots:
        if not root.is_dir():
            raise MammoError(f'{root}: no such folder', remedy='Give run folders or work folders')
        folders |= {path.parent.resolve(): path.parent for path in sorted(root.rglob(RUN))}
    found = [(folder, read_json(folder / RUN, AGAIN)) for folder in folders.values()]
    return sorted(found, key=lambda run: (run[1].get('started', ''), run[0].name))


def _data(runs: list[Run]) -> Iterator[Mapping[str, Any]]:
    """The data sets that runs were trained or tested on."""
    return (run['data'][run['mode']] for _, run in runs)


def _name_models(
    tests: list[Run], names: Mapping[Path, str]
) -> list[tuple[Path, Mapping[str, Any], str]]:
    """Tests with the names of their models, which are of one checkpoint each."""
    called = [(folder, run, _name(folder, run, names)) for folder, run in tests]
    for path, name in names.items():
        if name not in {model for _, _, model in called}:
            raise MammoError(f'--name {path}={name}: no finished test in or below {path}')
    called = [(folder, run, f'{name}{_output_name(run)}') for folder, run, name in called]
    checkpoints: defaultdict[str, list[PurePath]] = defaultdict(list)
    for _, run, model in called:
        known = checkpoints[model]
        if not any(may_be_one(_checkpoint(run), other) for other in known):
            known.append(_checkpoint(run))
    return [
        (folder, run, _name_apart(model, _checkpoint(run), checkpoints[model]))
        for folder, run, model in called
    ]


def _name(folder: Path, run: Mapping[str, Any], names: Mapping[Path, str]) -> str:
    whole = folder.resolve()
    above = [path for path in names if whole.is_relative_to(path.resolve())]
    if above:
        return names[max(above, key=lambda path: len(path.resolve().parts))]
    imported = run.get(IMPORT) or {}
    return imported.get('name') or experiment(run) or folder.parent.name


def _output_name(run: Mapping[str, Any]) -> str:
    """What tells tests of a model apart: folds, no marks outside the breast, and the promise of a threshold."""
    output = run.get(TEST_OUTPUT) or {}
    name = f', {run[FOLDS]} folds' if run.get(FOLDS) else ''
    name += ', breast only' if output.get('breast_only') else ''
    if promise := output.get('promise'):
        sure = promise.get('confidence')
        where = f'{", ".join(promise.get("sources") or ())} {promise.get("split") or ""}'.strip()
        name += f', {promise["target"]}{f" at {100 * sure:g} %" if sure else ""} by {where}'
    return name


def experiment(run: Mapping[str, Any]) -> str:
    """Stem of the config of a run without its data set: ``unet`` of ``configs/unet_zgt.py``."""
    return re.sub(r'_(cbis|zgt)$', '', PurePath(run.get('config') or '').stem)


def _name_apart(model: str, checkpoint: PurePath, known: list[PurePath]) -> str:
    """``model`` with as much of the checkpoint's path as tells it from the others of that name."""
    others = [path for path in known if not may_be_one(path, checkpoint)]
    if not others:
        return model
    return f'{model} ({telling_tail(checkpoint, others).removesuffix(".pth")})'


def _checkpoint(run: Mapping[str, Any]) -> PurePath:
    # Imported masks have none: all of one name are one model.
    return PurePath(run.get('checkpoint') or (IMPORTED if run.get(IMPORT) else ''))


def _select_newest(
    tests: list[tuple[Path, Mapping[str, Any], str]], folders: Mapping[str, str]
) -> tuple[list[tuple[Path, Mapping[str, Any], str]], list[tuple[Path, str]], list[str]]:
    """The last test of each model and data set; the folders of the others, and why; warnings."""
    latest: dict[tuple[str, str], tuple[Path, Mapping[str, Any], str]] = {}
    older, mixed = [], set()
    for test in reversed(tests):
        name = dataset_name(test[1]['data']['test'], folders=folders)
        newest = latest.setdefault((test[2], name), test)
        if newest is test:
            continue
        reason = 'a newer test of the same is there'
        if newest[1].get('config_sha256') != test[1].get('config_sha256'):
            reason += ', with other settings'
            mixed.add(f'{test[2]} on {name}: tested with several settings, {COUNTS}')
        if _folder(newest[1]) != _folder(test[1]):
            reason += f', in {_folder(newest[1])}'
            mixed.add(f'{test[2]} on {name}: tested in folders with equal index.csv, {COUNTS}')
        older.append((test[0], reason))
    return list(latest.values()), older, sorted(mixed)


def _folder(run: Mapping[str, Any]) -> str:
    """Last name of the folder that a test read; the pixels under equal tables may differ."""
    return dataset_name(run['data']['test'])


def _in_order(tests: list[Test]) -> list[Test]:
    sources = {test.training.dataset for test in tests if test.training}
    sources |= {t.dataset for t in tests if t.run['data']['test'].get('type') == 'CBISDDSMDataset'}
    return sorted(tests, key=lambda test: (test.dataset not in sources, test.dataset, test.model))
