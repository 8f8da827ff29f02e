"""Per-image CSV hook: writes one line for each image and lesion, and the summary of a test."""

from pathlib import Path
from typing import Any

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmseg.registry import HOOKS

from mmseg_mammo.datasets.description import count_left_out
from mmseg_mammo.engine.config.test_output import describe_test_output
from mmseg_mammo.evaluation.two_stage.lost import LOST
from mmseg_mammo.io.files import write_json
from mmseg_mammo.io.run_folder import (
    CANDIDATE_COLUMNS,
    CANDIDATES,
    DIFFERENCES,
    IMAGES,
    LEFT_OUT,
    LESION_COLUMNS,
    LESIONS,
    LOST_COLUMN,
    SUMMARY,
    TEST_OUTPUT,
    VALIDATION,
    VALIDATION_CANDIDATES,
    VALIDATION_LESIONS,
)
from mmseg_mammo.io.table import write_table


@HOOKS.register_module()
class PerImageCSVHook(Hook):
    """Write the metric's records to ``per_image_val.csv`` and ``per_image_test.csv``.

    They go to the run's own time-stamped folder, so that no later run overwrites them; the
    file of the validation set is that of the last epoch. A metric that looks at each lesion
    also gives ``lesions_test.csv``: one line per lesion and per detection; of a model of two
    stages ``candidates_test.csv`` too, one line per candidate. A test leaves
    ``test.json`` too: its scores and what they are of.
    """

    def after_val_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the records of the validation set."""
        self._write(runner, runner.val_evaluator, VALIDATION, VALIDATION_LESIONS)

    def after_test_epoch(self, runner: Any, metrics: dict[str, float] | None = None) -> None:
        """Write the records of the test set, and its summary."""
        self._write(runner, runner.test_evaluator, IMAGES, LESIONS)
        dataset = runner.test_dataloader.dataset
        summary = {
            'config': runner.cfg.filename,
            'checkpoint': runner.cfg.get('load_from'),
            'data_root': dataset.data_root,
            'split': dataset.split,
            'finding': dataset.finding,
            LEFT_OUT: count_left_out(dataset),
            'evaluator': runner.cfg.test_evaluator,
            TEST_OUTPUT: describe_test_output(runner.cfg),
            DIFFERENCES: runner.message_hub.runtime_info.get(DIFFERENCES, []),
            'scores': metrics or {},  # null where a stratum has no image
        }
        if is_main_process():
            write_json(Path(runner.log_dir) / SUMMARY, summary)

    def _write(self, runner: Any, evaluator: Any, images: str, lesions: str) -> None:
        for metric in evaluator.metrics:
            records = getattr(metric, 'records', None)
            if records:  # only the main process has them
                path = write_metric_records(metric, Path(runner.log_dir), images, lesions)
                runner.logger.info(f'{len(records)} records, one per image: {path}')


def write_metric_records(
    metric: Any, folder: Path, images: str = IMAGES, lesions: str = LESIONS
) -> Path:
    """Write the records of a ``MammographyMetric`` that has some, after its evaluation.

    Args:
        metric: The metric.
        folder: Of the run.
        images: Name of the table of images.
        lesions: Name of the table of lesions, which is written if the metric looked at them; that
            of candidates goes with it.

    Returns:
        The table of images.
    """
    path = folder / images
    write_table(path, list(metric.records[0]), metric.records)
    if metric.lesions:
        of_stages = any(name in metric.records[0] for name in LOST.values())
        columns = (*LESION_COLUMNS, *(LOST_COLUMN,) * of_stages)
        write_table(folder / lesions, columns, metric.lesion_rows)
        if of_stages:
            candidates = VALIDATION_CANDIDATES if lesions == VALIDATION_LESIONS else CANDIDATES
            write_table(folder / candidates, CANDIDATE_COLUMNS, metric.candidate_rows)
    return path
