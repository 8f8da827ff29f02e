"""Consistency checks: warn where the runs of a report do not fit together."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mmseg_mammo.io.run_folder import TEST_OUTPUT, VIEWER
from mmseg_mammo.reporting.naming import strip_version
from mmseg_mammo.reporting.run_reader import Test


def find_warnings(tests: Sequence[Test]) -> list[str]:
    """Sentences on what does not fit together; they stand above the results."""
    found = [*_of_data_sets(tests), *_of_tests(tests)]
    for model in dict.fromkeys(test.model for test in tests):
        found += _of_model(model, [test for test in tests if test.model == model])
    return found


def _of_data_sets(tests: Sequence[Test]) -> Iterator[str]:
    datasets = dict.fromkeys(test.dataset for test in tests)
    for name, versions in Counter(map(strip_version, datasets)).items():
        if versions > 1:
            yield f'{name}: the models were tested on different versions of index.csv'
    for dataset in datasets:
        on = [test for test in tests if test.dataset == dataset]
        if len({frozenset(test.images['key']) for test in on}) > 1:
            yield f'{dataset}: the models were not tested on the same images'
        if len({test.eval_size for test in on}) > 1:
            yield f'{dataset}: masks were not compared on the same grid for every model'


def _of_tests(tests: Sequence[Test]) -> Iterator[str]:
    for test in tests:
        what = f'{test.model} on {test.dataset}'
        if test.eval_size:
            yield (
                f'{what}: masks were compared on a grid of {test.eval_size}×{test.eval_size} '
                '(eval_size), not on their own'
            )
        yield from _of_output(what, test.test_output)
        if unmatched := test.imported.get('unmatched'):
            yield f'{what}: {unmatched} imported files mean no image, and were not used'
        if test.lesions is None:
            yield f'{what}: tested without lesions=True; no lesion level, no 224 grid'
        for difference in test.summary.get('input_differs_from_training', ()):
            yield f'{what}: its input differs from that of the training: {difference}'
        if not (test.folder / VIEWER).is_dir():
            yield f'{what}: no viewer/ folder; missing in Figure 6 and in the viewer'
        if test.training:
            before = test.training.run.get(TEST_OUTPUT) or {}
            if test.test_output.get('flips', False) != before.get('flips', False):
                how = (
                    'over mirror images' if test.test_output.get('flips') else 'of the image alone'
                )
                yield f'{what}: probabilities are {how}, in its training they were not'
            trained, tested = (
                _finding(run['data'][mode])
                for run, mode in ((test.training.run, 'train'), (test.run, 'test'))
            )
            if trained != tested:
                yield f'{what}: trained on {trained}, tested on {tested}'


def _of_output(what: str, output: Mapping[str, Any]) -> Iterator[str]:
    """What was done to probabilities, of runs that say it."""
    threshold, trained = output.get('threshold'), output.get('trained_threshold')
    if threshold != trained:
        yield f"{what}: cut at a probability of {threshold:.4g}; the training's is {trained:.4g}"
    temperature, trained = (output.get(n, 1) for n in ('temperature', 'trained_temperature'))
    if temperature != trained:
        yield f'{what}: probabilities at a temperature of {temperature:.4g}, in training of {trained:.4g}'


def _of_model(model: str, tests: Sequence[Test]) -> Iterator[str]:
    if any(test.imported for test in tests):
        yield (
            f'{model}: imported masks; what made them, and how it was trained, is not known here: '
            'no drop from source to target, no threshold from validation, no curves'
        )
    elif any(test.training is None for test in tests):
        yield (
            f'{model}: its training is not below the given folders; no drop from source to '
            'target, no threshold from validation, no curves'
        )
    if len({test.eval_size for test in tests}) > 1:
        yield f'{model}: its tests compare masks on different grids; no drop between them'
    sources = {test.training.dataset for test in tests if test.training}
    for source in sorted(sources - {test.dataset for test in tests}):
        yield f'{model}: never tested on {source}, which it was trained on; no drop to its targets'


def _finding(data: Mapping[str, Any]) -> str:
    findings = {part.get('finding') for part in data.get('members', [data])}
    return ' and '.join(sorted(f'{each} only' if each else 'all findings' for each in findings))
