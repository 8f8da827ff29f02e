"""Run folders as trainings and tests leave them, from random masks; no model, no host.

Every file has the format that docs/evaluation.md describes. A thousand images and five models
take seconds: a few pictures are made, and written under every name.
"""

import csv
import json
from pathlib import Path

import cv2
import numpy as np

from mmseg_mammo.evaluation.overlap import without_truth

SIDE = 64  # pixels of the grid
DATASETS = {'cbis_ddsm': ('CBISDDSMDataset', 0.0), 'zgt': ('ZGTDataset', 97 / 206)}
VIEWS, SIDES = ('CC', 'MLO'), ('LEFT', 'RIGHT')
PICTURES = 8


def make_runs(root, models=('unet', 'setr_pup_vpt'), images=24, seed=0, datasets=DATASETS, sam=()):
    """Make a work folder for each model, with a training and a test on each data set.

    Args:
        root: Folder of the work folders.
        models: Stems of configs without data set; later ones are better.
        images: Of each data set, two per patient.
        seed: Of everything.
        datasets: Type and share of normal images, by name.
        sam: Models that are promptable: candidate and prompt columns.

    Returns:
        The root.
    """
    for index, model in enumerate(models):
        work_dir = Path(root) / f'{model}_cbis'
        make_training(work_dir / '20260101_000000', model, seed + index)
        for number, name in enumerate(datasets):
            folder = work_dir / f'2026010{2 + number}_000000'
            rows = make_rows(name, images, datasets[name][1], seed + number)
            skill = 0.2 + 0.6 * (index + 1) / len(models) - 0.15 * number
            tested = predict(rows, np.random.default_rng((seed, index, number)), skill)
            make_test(folder, model, name, tested, prompted=model in sam, kind=datasets[name][0])
    return Path(root)


def make_rows(dataset, images, normal, seed):
    """Facts and true masks of a data set; a share of ``normal`` images at its end."""
    generator = np.random.default_rng(seed)
    rows = []
    for number in range(images):
        lesion = number < round(images * (1 - normal))
        facts = {
            'image': f'images/{number:05d}.png',
            'patient_id': f'P{number // 2:04d}',
            'laterality': SIDES[number // 2 % 2],
            'view': VIEWS[number % 2],
            'split': 'test',
            'finding': ('mass', 'calcification')[number // 4 % 2] if lesion else '',
            'pathology': ('malignant', 'benign')[number // 6 % 2] if lesion else 'normal',
            'density': str(1 + number // 2 % 4),
            'annotated': 'lesion' if lesion else 'normal',
            'mask_kind': 'phantom',
            'source': dataset,
        }
        rows.append((facts, random_mask(generator) if lesion else np.zeros((SIDE, SIDE), bool)))
    return rows


def random_mask(generator, radius=None):
    """An ellipse somewhere; H×W bool."""
    centre = generator.integers(12, SIDE - 12, 2)
    axes = generator.integers(2, 11, 2) if radius is None else (radius, radius)
    grid = np.mgrid[:SIDE, :SIDE]
    return sum(((g - c) / a) ** 2 for g, c, a in zip(grid, centre, axes, strict=True)) <= 1


def predict(rows, generator, skill):
    """(facts, truth, prediction, generator): shifted, a dot in the middle, missed or false."""
    found = []
    for facts, truth in rows:
        predicted = np.zeros_like(truth)
        if truth.any() and generator.random() < skill:
            shift = generator.integers(-3, 4, 2)
            # A dot hits by its centre, and covers too little.
            predicted |= np.roll(truth, shift, (0, 1)) if len(found) % 4 else dot_in(truth)
        if generator.random() < 0.6 * (1 - skill):
            predicted |= random_mask(generator, 4)
        found.append((facts, truth, predicted, generator))
    return found


def dot_in(truth):
    """A pixel near the middle of a lesion; H×W bool."""
    dot = np.zeros_like(truth)
    dot[tuple(np.rint(np.argwhere(truth).mean(axis=0)).astype(int))] = True
    return dot


def make_test(folder, model, dataset, tested, prompted=False, kind='MammographyDataset', **changed):
    """Write the folder of a test; ``changed`` goes into run.json."""
    records, lesions = [], []
    for facts, truth, predicted, generator in tested:
        record = _record(facts, truth, predicted, generator)
        rows = _lesions(record, truth, predicted, generator)
        found = [row for row in rows if row['kind'] == 'detection' and row['predicted']]
        true = sum(row['kind'] == 'true' for row in rows)
        record |= {'true_lesions': true, 'predicted_lesions': len(found)}
        for criterion, column in (('iou10', 'match'), ('centre', 'centre_match')):
            hits = [row[column] for row in found if row[column]]
            record |= {f'hits_{criterion}': len(set(hits))}
            record |= {f'false_positives_{criterion}': len(found) - len(hits)}
        record |= _prompted(record, truth, generator) if prompted else {}
        records.append(record)
        lesions += rows
    _write_csv(folder / 'per_image_test.csv', records)
    _write_csv(folder / 'lesions_test.csv', lesions)
    _write_viewer(folder / 'viewer', tested, records)
    work_dir = folder.parent.name
    data = {'type': kind, 'data_root': f'data/{dataset}', 'split': 'test', 'finding': None}
    run = {
        **_run('test', f'configs/{model}_cbis.py', folder.name),
        'checkpoint': f'work_dirs/{work_dir}/epoch_3.pth',
        'data': {'test': {**data, 'index_sha256': f'{dataset:0<64}'}},
        **changed,
    }
    _write_json(folder / 'run.json', run)
    summary = {k: run[k] for k in ('config', 'checkpoint')}
    _write_json(folder / 'test.json', {**summary, **data, 'evaluator': {}, 'scores': {}})


def make_training(folder, model, seed=0, epochs=3, dataset='cbis_ddsm'):
    """Write the folder of a training of a few epochs."""
    rows = make_rows(dataset, 20, 0.0, seed)
    generator = np.random.default_rng(seed)
    tested = predict(rows, generator, 0.6)
    records = [_record(facts | {'split': 'val'}, t, p, generator) for facts, t, p, _ in tested]
    _write_csv(folder / 'per_image_val.csv', records)
    lines = []
    for epoch in range(1, epochs + 1):
        loss = 1 / epoch + 0.01 * seed
        lines.append(
            {'lr': 1e-4, 'loss': loss, 'epoch': epoch, 'iter': 9 * epoch, 'step': 9 * epoch}
        )
        lines.append({'epoch_loss': loss, 'step': epoch})
        scores = {'iou': 10.0 * epoch, 'dice': 12.0 * epoch, 'lesion_dice': 8.0 * epoch}
        lines.append({'val_loss': loss + 0.1, **scores, 'step': epoch})
    (folder / 'vis_data').mkdir(parents=True)
    text = '\n'.join(map(json.dumps, lines))
    (folder / 'vis_data' / 'scalars.json').write_text(f'{text}\n', encoding='utf-8')
    data = {'data_root': f'data/{dataset}', 'finding': None, 'index_sha256': f'{dataset:0<64}'}
    run = {
        **_run('train', f'configs/{model}_cbis.py', folder.name),
        'checkpoint': None,
        'data': {split: {**data, 'split': split} for split in ('train', 'val')},
        'last_checkpoint': f'work_dirs/{folder.parent.name}/epoch_{epochs}.pth',
    }
    _write_json(folder / 'run.json', run)


def change_run(folder, **values):
    """Let run.json of a folder say something else."""
    path = folder / 'run.json'
    path.write_text(json.dumps(json.loads(path.read_text()) | values))


def add_image_labels(folder, count=5, table='per_image_test.csv'):
    """Add images to a run whose lesion nobody outlined; they look like those at the table's start.

    Each has a patient of its own.
    """
    with (folder / table).open(newline='', encoding='utf-8') as stream:
        records = list(csv.DictReader(stream))
    for number in range(count):
        like = records[2 * number]
        name = {'image': f'images/label{number}.png', 'patient_id': f'L{number}'}
        label = {'key': f'label{number}', 'annotated': 'lesion', 'mask_kind': 'image-label'}
        records.append(without_truth(like) | name | label)
        for path in (folder / 'viewer').glob(f'{like["key"]}[._]*'):
            if not path.stem.endswith('_truth'):
                new = path.with_name(path.name.replace(like['key'], label['key']))
                new.write_bytes(path.read_bytes())
    _write_csv(folder / table, records)


def _run(mode, config, time):
    return {
        'mode': mode,
        'state': 'finished',
        'config': config,
        'config_sha256': '0' * 64,
        'started': f'{time[:4]}-{time[4:6]}-{time[6:8]}T00:00:00+0000',
        'parameters': {'all': {'total': 30_000_000, 'trained': 5_361_921}},
        'peak_gpu_memory_gib': None,
        'seed': 0,
        'device': 'cpu',
        'versions': {'mmseg_mammo': '0.0.0'},
        'git': {'commit': 'c' * 40, 'changed': False},
    }


def _record(facts, truth, predicted, generator):
    both = truth & predicted
    total, union = truth.sum() + predicted.sum(), (truth | predicted).sum()
    counts = {'truth': truth, 'predicted': predicted, 'intersection': both}
    stem = Path(facts['image']).stem
    found = predicted.any()
    return {
        **facts,
        'key': f'{facts["source"]}_images_{stem}',
        'height': SIDE,
        'width': SIDE,
        **{f'{name}_pixels': int(mask.sum()) for name, mask in counts.items()},
        'iou': (both.sum() + 1e-7) / (union + 1e-7),
        'dice': (2 * both.sum() + 1e-7) / (total + 1e-7),
        'max_probability': generator.uniform(0.5, 1) if found else generator.uniform(0, 0.5),
        **{f'{name}_pixels_224': int(12.25 * mask.sum()) for name, mask in counts.items()},
        'hausdorff95': 3.0 if both.any() else SIDE * 2**0.5 * (truth.any() | found),
        'surface_dice': 0.5 if both.any() else float(not truth.any() | found),
    }


def _lesions(record, truth, predicted, generator):
    """Rows of one image: its lesions, those found at the threshold, and a fainter detection."""
    facts = {name: record[name] for name in ('key', 'image', 'source', 'patient_id')}
    marked = cv2.connectedComponents(predicted.astype(np.uint8))[1]
    rows = [_lesion(facts, 'true', 1, truth, '', '', '', '')] if truth.any() else []
    for n in range(1, marked.max() + 1):
        mask = marked == n
        y, x = np.rint(np.argwhere(mask).mean(axis=0)).astype(int)
        covered = (mask & truth).sum() >= 0.1 * (mask | truth).sum()
        match = 1 if covered and rows[0]['match'] == '' else ''
        centre = 1 if truth[y, x] else ''
        score = record['max_probability'] * (1 if n == 1 else 0.9)
        rows.append(_lesion(facts, 'detection', n, mask, score, 1, match, centre))
        if match:
            rows[0] |= {'match': n}
        if centre and rows[0]['centre_match'] == '':
            rows[0] |= {'centre_match': n, 'centre_hit': 1}
    if generator.random() < 0.5:
        spot = random_mask(generator, 2)
        score = generator.uniform(0.1, 0.5)
        rows.append(_lesion(facts, 'detection', marked.max() + 1, spot, score, 0, '', ''))
    return rows


def _lesion(facts, kind, number, mask, score, predicted, match, centre):
    y, x = np.argwhere(mask).mean(axis=0)
    (top, left), (bottom, right) = np.argwhere(mask).min(0), np.argwhere(mask).max(0) + 1
    return {
        **facts,
        'kind': kind,
        'number': number,
        'pixels': int(mask.sum()),
        'x': x,
        'y': y,
        'left': left,
        'top': top,
        'right': right,
        'bottom': bottom,
        'score': score,
        'predicted': predicted,
        'best_iou': 0.5 if match else 0.0,
        'match': match,
        'centre_hit': int(centre != ''),
        'centre_match': centre,
    }


def _prompted(record, truth, generator):
    centre = np.argwhere(truth).mean(axis=0) if truth.any() else (SIDE / 2, SIDE / 2)
    heads = generator.uniform(0, 1, (3, 2))
    columns = {}
    for k, (iou, predicted) in enumerate(heads):
        columns |= {f'candidate_{k}_iou': iou, f'candidate_{k}_dice': 2 * iou / (1 + iou)}
        columns |= {f'candidate_{k}_predicted_iou': predicted}
    best = heads[:, 0].max()
    return {
        **columns,
        'chosen': int(heads[:, 1].argmax()),
        'hindsight_iou': best,
        'hindsight_dice': 2 * best / (1 + best),
        'prompts_from': 'truth',
        'prompt_points': f'{centre[1]:.1f}:{centre[0]:.1f}:1',
    }


def _write_viewer(folder, tested, records):
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0).integers(40, 90, (PICTURES, SIDE, SIDE), np.uint8)
    for number, ((_, truth, predicted, _), record) in enumerate(zip(tested, records, strict=True)):
        image = noise[number % PICTURES] + 80 * truth.astype(np.uint8)
        (folder / f'{record["key"]}.jpg').write_bytes(cv2.imencode('.jpg', image)[1])
        for name, mask in (('truth', truth), ('predicted', predicted)):
            if mask.any():
                pixels = mask.astype(np.uint8) * 255
                encoded = cv2.imencode('.png', pixels, (cv2.IMWRITE_PNG_BILEVEL, 1))[1]
                (folder / f'{record["key"]}_{name}.png').write_bytes(encoded)


def _write_csv(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open('w', newline='', encoding='utf-8') as stream:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)


def _write_json(path, content):
    path.write_text(json.dumps(content, indent=2), encoding='utf-8')
