"""Make a whole checkpoint of weights alone, without the state of the optimiser.

python tools/export_checkpoint.py configs/setr_pup_vpt_cbis.py CHECKPOINT OUT.pth

One that was saved with save_trained_only gets its frozen weights from the pre-trained file of the
config. LoRA is merged into the layers that it adapts: the file is tested with a config without it,
such as setr_pup_finetune_zgt.py. With averaged weights (EMA), these are what is exported.
"""

from pathlib import Path

import torch
from mmengine.registry import init_default_scope
from mmseg.registry import MODELS

from mmseg_mammo.engine.checkpoint import check_checkpoint, read_checkpoint
from mmseg_mammo.engine.config.load import load_config
from mmseg_mammo.engine.launch import common_parser, run_tool
from mmseg_mammo.errors import CheckpointError
from mmseg_mammo.io.files import write_atomic
from mmseg_mammo.models.peft.lora import merged_state


def main() -> None:
    """Parse the arguments and write the file."""
    parser = common_parser('Export a checkpoint: whole, and without the optimiser.')
    parser.add_argument('checkpoint', help='checkpoint file that the config trained')
    parser.add_argument('out', type=Path, help='file to write; it must not exist')
    args = parser.parse_args()
    check_checkpoint(Path(args.checkpoint))
    if args.out.exists():
        raise CheckpointError(f'{args.out} exists', remedy='Name another file')
    cfg = load_config(args)
    init_default_scope(cfg.get('default_scope', 'mmseg'))
    model = MODELS.build(cfg.model)
    checkpoint = read_checkpoint(args.checkpoint, model)
    model.load_state_dict(checkpoint['state_dict'])
    kept = {'meta': checkpoint['meta'], 'state_dict': merged_state(model)}
    write_atomic(args.out, lambda stream: torch.save(kept, stream))
    print(f'{args.out}: {len(kept["state_dict"])} tensors, {args.out.stat().st_size:,} bytes')


if __name__ == '__main__':
    run_tool(main)
