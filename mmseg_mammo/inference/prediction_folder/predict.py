"""Prediction folder from inputs: claims it, predicts what is missing, writes the tables and the record."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmseg_mammo.engine.config.stored import plain
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.provenance import versions
from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.prediction_folder.image_files import Outputs
from mmseg_mammo.inference.prediction_folder.inputs import Input
from mmseg_mammo.inference.prediction_folder.journal import Journal
from mmseg_mammo.inference.prediction_folder.run import predict_all
from mmseg_mammo.inference.prediction_folder.tables import claim_folder, write_tables
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.files import remove_partials, sha256, write_json
from mmseg_mammo.io.run_folder import DIFFERENCES, RUN
from mmseg_mammo.preparation.likeness import Reference, reference_of


@dataclass(frozen=True)
class Share:
    """Which of the inputs this process takes: every ``parts``-th, from number ``part`` on."""

    parts: int = 1
    part: int = 0

    def __post_init__(self) -> None:
        """Refuse a part that there is not."""
        if not 0 <= self.part < self.parts:
            raise MammoError(
                f'--part-id {self.part} of --num-parts {self.parts}', f'0 to {self.parts - 1}'
            )

    def of(self, inputs: Sequence[Input]) -> Sequence[Input]:
        """Those inputs."""
        return inputs[self.part :: self.parts]


def predict_folder(
    predictor: Predictor,
    inputs: Sequence[Input],
    out: Path,
    outputs: Outputs,
    *,
    share: Share | None = None,
    batch_size: int = 1,
    workers: int = 2,
) -> dict[str, Any] | None:
    """Predict on inputs, and write ``run.json`` and the tables once all of them are done.

    Args:
        predictor: The models.
        inputs: All images, also those of other processes.
        out: New or empty, or of an earlier run with the same settings, which goes on.
        outputs: What is written beside masks, overlays and tables.
        share: The part of this process; None takes all.
        batch_size: See :func:`.predict_all`.
        workers: See :func:`.predict_all`.

    Returns:
        What is in ``run.json``; None if images of other parts are missing yet.

    Raises:
        MammoError: ``out`` is of something else; or see :func:`.predict_all`.
    """
    share = share or Share()
    predictor.check_images(inputs)
    record = describe_run(predictor, outputs)
    claim_folder(out, _settings(record))
    write_json(out / RUN, {**record, 'state': 'running'})
    journal = Journal(out, f'part-{share.part}-of-{share.parts}')
    started = time.time()
    try:
        own = share.of(inputs)
        predict_all(
            predictor,
            own,
            out,
            journal,
            outputs,
            reference=read_reference(predictor.checkpoints[0]),
            batch_size=batch_size,
            workers=workers,
        )
        journal.read()  # what other parts have done meanwhile
        if journal.missing(source.key for source in inputs):
            return None
        counts = write_tables(out, inputs, journal)
        remove_partials(out, started)
    finally:
        journal.close()
    record |= {'state': 'finished', 'seconds': round(time.time() - started, 1), 'counts': counts}
    write_json(out / RUN, record)
    return record


def read_reference(checkpoint: Path) -> Reference | None:
    """The training images that the record of a checkpoint tells of, to compare images with.

    Args:
        checkpoint: Its file.

    Returns:
        None where it has no record, or where that tells of too few images.
    """
    return reference_of((read_record(checkpoint) or {}).get('images') or {})


def describe_run(predictor: Predictor, outputs: Outputs) -> dict[str, Any]:
    """What ``run.json`` says: checkpoints, device, versions and settings."""
    records = [read_record(file) or {} for file in predictor.checkpoints]
    kinds: dict[str, int] = {}
    for record in records:
        trained = record.get('trained_on', {}).get('train', {})
        for kind, count in trained.get('mask_kind', {}).items():
            kinds[kind] = kinds.get(kind, 0) + count
    return {
        'started': time.strftime('%Y-%m-%dT%H:%M:%S%z'),
        'device': predictor.device_name,
        'versions': versions(),
        'checkpoints': [
            {
                'file': file.name,
                'sha256': sha256(file),
                'name': record.get('name', ''),
                'trained_on': _data(record.get('trained_on', {}).get('train', {})),
            }
            for file, record in zip(predictor.checkpoints, records, strict=True)
        ],
        **predictor.output,
        'operating_point': predictor.operating_point,
        'tta': predictor.flip,
        'prompts': predictor.prompts and predictor.prompts.name,
        'prompts_sha256': predictor.prompts and sha256(predictor.prompts),
        'coordinates': predictor.coordinates if predictor.prompts else None,
        'input_sha256': _input_digest(predictor),
        DIFFERENCES: sorted({text for each in predictor.members for text in each.differences}),
        'mask_kind': kinds,
        'probabilities': outputs.probabilities,
        'segmentations': outputs.segmentations,
        'empty_segmentations': outputs.empty_segmentations,
    }


def _data(trained: Mapping[str, Any]) -> str:
    """The training images in a few words; empty where the record does not tell."""
    sources = '; '.join(trained.get('source', ()))  # names of cuts have commas
    return f'{trained["images"]} images of {sources or trained["type"]}' if trained else ''


def _input_digest(predictor: Predictor) -> str:
    """Changes with the way of an image to the models, which a config that is given may change."""
    ways = []
    for cfg in (member.model.cfg for member in predictor.members):
        # The file of prompts has a hash of its own, and may be moved.
        steps = [s for s in cfg.test_pipeline if type_name(s.get('type')) != 'LoadPrompts']
        ways.append([steps, cfg.model.get('data_preprocessor'), cfg.model.get('test_cfg')])
    text = json.dumps(plain(ways), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _settings(record: Mapping[str, Any]) -> dict[str, Any]:
    """Those parts of a run that a later one has to share to go on with it."""
    apart = (
        'started',
        'device',
        'versions',
        'checkpoints',
        'operating_point',
        'prompts',
        'mask_kind',
        DIFFERENCES,
    )
    hashes = [checkpoint['sha256'] for checkpoint in record['checkpoints']]
    return {'checkpoints': hashes, **{k: v for k, v in record.items() if k not in apart}}
