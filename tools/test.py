"""Test a model: a table, one CSV line per image, and pictures of a seeded sample.

python tools/test.py configs/setr_pup_vpt_cbis.py CHECKPOINT
python tools/test.py configs/setr_pup_vpt_cbis.py CHECKPOINT --dataset zgt
"""

from pathlib import Path

from mmengine.config import Config

from mmseg_mammo.engine.checkpoint import check_checkpoint
from mmseg_mammo.engine.config.load import load_config
from mmseg_mammo.engine.config.type_names import type_name
from mmseg_mammo.engine.launch import common_parser, run_tool
from mmseg_mammo.engine.runner import build_runner
from mmseg_mammo.engine.work_dir import unique_start
from mmseg_mammo.errors import MammoError

DATASETS = Path(__file__).parents[1] / 'configs' / '_base_' / 'datasets'


def keep_label_images(cfg: Config, folder: str) -> None:
    """Let the metrics of the test write label images, as MMSegmentation's ``test.py --out`` does."""
    evaluators = cfg.test_evaluator
    for metric in evaluators if isinstance(evaluators, list) else [evaluators]:
        if type_name(metric.type) == 'MammographyMetric':
            metric.output_dir = folder


def main() -> None:
    """Parse the arguments and test."""
    parser = common_parser('Test a segmentation model.')
    parser.add_argument('checkpoint', help='checkpoint file that the config trained')
    parser.add_argument(
        '--dataset', help='test on another data set: zgt, or any prepared folder, such as data/ours'
    )
    parser.add_argument('--split', choices=['train', 'val', 'test'], help='split to test on')
    parser.add_argument(
        '--out', help='new folder for the predicted masks as label images, 0 and 1, one per image'
    )
    args = parser.parse_args()
    check_checkpoint(Path(args.checkpoint))
    cfg = load_config(args, DATASETS)
    if not cfg.get('test_dataloader'):
        raise MammoError(
            f'{args.config} has no test, only a training',
            remedy='Add a test_dataloader and a test_evaluator, or name another config',
        )
    cfg.load_from, cfg.resume = args.checkpoint, False
    if args.out:
        keep_label_images(cfg, args.out)
    with unique_start(Path(cfg.work_dir)):
        runner = build_runner(cfg, args.local_rank)
    runner.test()


if __name__ == '__main__':
    run_tool(main)
