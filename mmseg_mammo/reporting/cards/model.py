"""Model card: what a checkpoint is, from its record, and what it scored, from its tests."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from mmseg_mammo.io.checkpoint_record import PRESENCE, STAGE_NAMES, STAGES, TUNING
from mmseg_mammo.io.run_folder import IMAGE_LABELS
from mmseg_mammo.reporting.cards.card import NO_DEVICE, Field, Group
from mmseg_mammo.reporting.cards.licences import data_licences, unknown_licences, weight_table
from mmseg_mammo.reporting.cards.recipe import recipe_table
from mmseg_mammo.reporting.document import Section, Table
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import mark_notes
from mmseg_mammo.reporting.sections.lesions import lesion_section
from mmseg_mammo.reporting.sections.results import result_section
from mmseg_mammo.reporting.sections.strata import stratum_section

_USE = (
    'Research on the segmentation of lesions in mammograms: it marks pixels, and does not tell '
    f'cancer from other lesions. No clinical use. {NO_DEVICE}'
)
_COUNTS = ('', 'images', 'patients', 'annotated', 'masks', 'sources', 'index')


def model_card(record: Mapping[str, Any], digest: str, runs: Runs | None) -> list[Group]:
    """The groups of the card of a checkpoint.

    Args:
        record: Of :func:`mmseg_mammo.io.checkpoint_record.read_record`.
        digest: SHA-256 of the file.
        runs: Its tests (:func:`~.selection.select_tests`); None if there are none.
    """
    bases = record['base']
    version = f'Epoch {record["epoch"]}, step {record["iter"]}, of a training by mmseg_mammo '
    version += f'{record["versions"]["mmseg_mammo"]}. SHA-256 {digest}.'
    return [
        Group(
            'Basic info',
            (
                Field('Model name', record['name']),
                *map(Field, ('Model developer', 'Developer contact')),
            ),
        ),
        Group(
            'Release info',
            (
                *map(Field, ('Release stage', 'Release date')),
                Field('Release version', version),
                Field('Global availability'),
                Field('Regulatory approval', f'None that is known. {NO_DEVICE}'),
            ),
        ),
        Group('Model summary', (Field('Summary', _model_summary(record)),)),
        Group('Uses and directions', tuple(_uses(record))),
        Group('Warnings', tuple(_warnings(record, runs))),
        Group('AI system facts', tuple(_facts(record))),
        Group(
            'Transparency information',
            (
                Field(
                    'Third-party information',
                    _licences(record),
                    (weight_table(bases),) * bool(bases),
                ),
                *map(Field, ('Funding source', 'Stakeholders consulted')),
            ),
        ),
        Group('Key metrics', tuple(_metrics(record, runs))),
    ]


def _model_summary(record: Mapping[str, Any]) -> str:
    data = record['trained_on'].get('train') or {}
    said = f'{record["model"]}, trained on {data.get("images", "an unknown number of")} mammograms'
    if 'patients' in data:
        said += f' of {data["patients"]} patients'
    return f'{said}. It gives each pixel of a mammogram the probability of a lesion.'


def _uses(record: Mapping[str, Any]) -> Iterator[Field]:
    yield Field('Intended use and workflow', _USE)
    yield Field('Primary intended users', 'Engineers and researchers.')
    yield Field(
        'How to use',
        f'`mammoseg predict CHECKPOINT IMAGES --out FOLDER`. A pixel is marked where its probability is above '
        f'{record["threshold"]:g}; set that on images of your own (`mammoseg calibrate`).',
    )
    if chosen := record.get(PRESENCE):
        yield Field('Images that it closes', _closing(chosen))
    yield Field('Targeted patient population')
    yield Field(
        'Cautioned out-of-scope settings',
        'Images unlike those that it was trained on: other vendors, processing, views or age groups. '
        'A threshold does not travel from one vendor to another.',
    )


def _closing(chosen: Mapping[str, Any]) -> str:
    return (
        'An image whose presence of a lesion is not above '
        f'{chosen["presence_threshold"]:.4g} gets an empty mask. That was chosen for '
        f'{chosen["target"]} on {chosen["lesion"]} images with a lesion and {chosen["normal"]} normal '
        f'ones of validation, where the AUROC of presence is {chosen["auroc"]:.3f}.'
    )


def _warnings(record: Mapping[str, Any], runs: Runs | None) -> Iterator[Field]:
    limits = [f'- {text}' for text in _model_limits(record, runs)]
    yield Field('Known risks and limitations', '\n'.join(limits))
    yield Field(
        'Known biases or ethical considerations',
        'Scores by stratum stand under Fairness and equity. ' * (runs is not None)
        + 'Age and ethnicity were not recorded: nothing is known of them.',
    )
    yield Field('Clinical risk level')


def _model_limits(record: Mapping[str, Any], runs: Runs | None) -> Iterator[str]:
    kinds = {k for data in _training_sets(record) for k in data.get('mask_kind', {})}
    if 'weak' in kinds:
        yield 'Trained on weak masks: boxes, circles or ellipses, no contours.'
    if 'phantom' in kinds:
        yield 'Trained on phantoms: synthetic images, which say nothing of patients.'
    if labelled := sum(data.get(IMAGE_LABELS, 0) for data in _training_sets(record)):
        yield f'{labelled} training images have no mask: they say that there is a lesion, and not where.'
    if not any(data.get('annotated', {}).get('normal') for data in _training_sets(record)):
        yield 'No training image is known to be normal: it may mark healthy breasts often.'
    if runs is None:
        yield 'No test of this checkpoint was given: nothing is known of how well it works.'
    else:
        yield from (note for note in mark_notes(runs.tests) if note != NO_DEVICE)
        yield from runs.warnings
    for name in unknown_licences(record['base']):
        yield f'The licence of {name}, which it began from, is unknown.'


def _facts(record: Mapping[str, Any]) -> Iterator[Field]:
    seen = record['input']
    steps = ', '.join(step['type'] for step in seen['steps'])
    size = '×'.join(map(str, seen['size'] or ())) or 'those of the image'
    yield Field('Outcomes and outputs', 'A mask, and the probability of a lesion for each pixel.')
    yield Field('Model type', ', '.join(_parts(record)))
    names = [PurePath(base['file']).name for base in record['base']]
    yield Field('Foundation models', ', '.join(names) or 'None: trained from scratch.')
    yield Field('Input data source', ', '.join(_sources(record)))
    yield Field(
        'Output and input data types',
        f'Grey images; input {size} pixels by {steps}. Output: PNG, DICOM SEG, CSV.',
    )
    tables = (_data_table(record), *_image_tables(record))
    yield Field('Development data characterization', '', tables)
    yield Field('Training recipe', '', tuple(_recipes(record)))
    yield from map(Field, ('Bias mitigation approaches', 'Ongoing maintenance'))


def _recipes(record: Mapping[str, Any]) -> Iterator[Table]:
    """The recipe of a training, or of each stage of a two-stage model."""
    stages = record.get(STAGES)
    if not stages:
        yield recipe_table(record['config'], record.get(TUNING))
        return
    for name in STAGE_NAMES:
        table = recipe_table(stages[name]['config'])
        yield replace(table, name=f'recipe_{name}', title=f'{table.title} of the {name}')


def _parts(record: Mapping[str, Any]) -> Iterator[str]:
    """The class of a model, and those of its parts."""
    yield record['model']
    model = record['config'].get('model') or {}
    yield from _bodies(model, '')
    for stage in STAGE_NAMES:
        yield from _bodies(model.get(stage) or {}, f'{stage} ')


def _bodies(model: Mapping[str, Any], prefix: str) -> Iterator[str]:
    for name in ('backbone', 'image_encoder', 'decode_head', 'mask_decoder', 'presence_head'):
        part = model.get(name)
        if isinstance(part, Mapping):
            part = part.get('module') or part  # LoRA stands around its backbone
            if 'type' in part:
                yield f'{prefix}{name.replace("_", " ")} {part["type"]}'


def _training_sets(record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The data sets of training, one by one."""
    data = record['trained_on'].get('train') or {}
    return list(data.get('members') or [data])


def _sources(record: Mapping[str, Any]) -> list[str]:
    return sorted({source for data in _training_sets(record) for source in data.get('source', {})})


def _data_table(record: Mapping[str, Any]) -> Table:
    rows = []
    for split, data in record['trained_on'].items():
        for each in data.get('members') or [data]:
            counts = (_listed_counts(each.get(key)) for key in ('annotated', 'mask_kind', 'source'))
            index = str(each.get('index_sha256') or 'unknown')[:12]
            rows.append((split, each['images'], each.get('patients'), *counts, index))
    return Table('data', 'Training and validation data', _COUNTS, tuple(rows))


def _listed_counts(found: Mapping[str, int] | None) -> str:
    return ', '.join(f'{count} {name}' for name, count in (found or {}).items()) or 'unknown'


def _image_tables(record: Mapping[str, Any]) -> Iterator[Table]:
    """Quantiles of what the training images look like."""
    images = record['images']
    chosen = [images['percent'].index(percent) for percent in (5, 50, 95)]
    rows = [
        (name, *(round(float(values[place]), 2) for place in chosen))
        for name, values in images['quantiles'].items()
        if values
    ]
    if rows:
        title = f'{images["count"]} training images: lowest 5 %, median, highest 5 %'
        yield Table('images', title, ('', '5 %', '50 %', '95 %'), tuple(rows))


def _licences(record: Mapping[str, Any]) -> str:
    told = (
        data_licences(_sources(record)) if _sources(record) else 'Licence of the images: unknown.'
    )
    return f'{told} Weights keep the terms of what they began from, and of the images.'


def _metrics(record: Mapping[str, Any], runs: Runs | None) -> Iterator[Field]:
    best = ', '.join(f'{name} {value:.2f}' for name, value in record['best_score'].items())
    chosen = f'Best on validation, by which it was chosen: {best}; no estimate for other images.'
    chosen *= bool(best)
    names = ('Usefulness, usability and efficacy', 'Fairness and equity', 'Safety and reliability')
    if runs is None:
        yield from (Field(name, chosen * (name == names[0])) for name in names)
        return
    folders = ', '.join(f'`{test.folder.name}` on {test.dataset}' for test in runs.tests)
    yield Field(names[0], f'{chosen} Tests: {folders}.'.strip(), _shown(result_section(runs)))
    yield Field(names[1], '', _shown(stratum_section(runs)))
    lesions = _shown(lesion_section(runs))  # the curve of all thresholds is for a report
    yield Field(names[2], '', tuple(t for t in lesions if not t.name.startswith('froc_')))


def _shown(section: Section) -> tuple[Table, ...]:
    return tuple(item for item in section.items if isinstance(item, Table) and item.rows)
