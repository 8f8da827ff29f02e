"""``export``: a small file says what is in it, and no other file is touched."""

from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from experiments import shrink, train, write_base
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS
from tiny_models import write_blobs
from tool_calls import scores

from mmseg_mammo.cli.main import main
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.image import read_image


def test_the_file_is_written_once_and_named(prepared, tmp_path, monkeypatch, capsys):
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.dump(tmp_path / 'ours.py')
    state = {**MODELS.build(cfg.model).state_dict()}
    whole = {'meta': {'epoch': 3}, 'state_dict': state, 'optimizer': {}}
    torch.save(whole, tmp_path / 'epoch_3.pth')
    out = tmp_path / 'new' / 'whole.pth'
    words = ['export', str(tmp_path / 'ours.py'), str(tmp_path / 'epoch_3.pth'), str(out)]
    monkeypatch.setattr(DefaultScope, '_instance_dict', OrderedDict())  # as in its own process
    main(words)
    exported = torch.load(out, weights_only=False)
    assert set(exported) == {'meta', 'state_dict'}
    assert exported['state_dict'].keys() == state.keys()
    said = f'{out}: {len(state)} tensors, {out.stat().st_size:,} bytes\n'
    assert capsys.readouterr().out.endswith(said)
    with pytest.raises(SystemExit, match=r'^error: .*whole\.pth exists\. Name another file\.$'):
        main(words)
    with pytest.raises(SystemExit, match=r'^error: .*absent\.pth: no such checkpoint'):
        main(['export', words[1], str(tmp_path / 'absent.pth'), str(tmp_path / 'other.pth')])


@pytest.mark.parametrize('name', ['setr_pup_lora_cbis', 'sam_lora_cbis'])
def test_an_exported_file_is_tested_by_itself(name, prepared, tmp_path, monkeypatch):
    """LoRA is merged; the config inside has none, and the base file is not needed any more."""
    monkeypatch.chdir(tmp_path)
    base = Path(write_base(tmp_path / 'base.pth', name, prepared))
    train(shrink(name, prepared, tmp_path / 'a', 1, str(base)))
    trained = str(tmp_path / 'a' / 'epoch_1.pth')
    main(['test', trained, '--work-dir', 'before'])
    base.rename('moved.pth')
    with pytest.raises(SystemExit, match=r'^error: .*neither .*base\.pth nor weights/ holds'):
        main(['export', trained, 'whole.pth'])
    main(['export', trained, 'whole.pth', '--base', 'moved.pth'])
    (tmp_path / 'moved.pth').unlink()
    main(['test', 'whole.pth', '--work-dir', 'after'])
    before, after = scores('before'), scores('after')
    assert before.keys() == after.keys()
    assert after['lesion_dice'] == pytest.approx(before['lesion_dice'], abs=0.5)
    record = read_record(Path('whole.pth'))
    assert not record['trained_only']
    assert 'LoRAModel' not in str(record['config']['model'])
    assert record['base'] == read_record(Path(trained))['base']  # the licences go along
    assert torch.load('whole.pth', weights_only=True)['meta']['epoch'] == 1


@pytest.mark.parametrize('kind', ['unet', 'setr'])
def test_an_onnx_file_predicts_what_the_checkpoint_predicts(
    kind, tmp_path, monkeypatch, capsys, request
):
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    monkeypatch.chdir(tmp_path)
    write_blobs(tmp_path / 'images' / 'a.png', 1, (90, 70))
    checkpoint = str(request.getfixturevalue(kind))
    main(['export', checkpoint, 'm.onnx', '--threshold', '0.51'])
    assert f'm.onnx: {Path("m.onnx").stat().st_size:,} bytes' in capsys.readouterr().out
    for model, *words in (['m.onnx'], [checkpoint, '--threshold', '0.51']):
        out = Path(model).suffix[1:]
        main(['predict', model, 'images', '--out', out, '--probabilities', *words])
    ours, theirs = (read_image(Path(name, 'probabilities', 'a.png')) for name in ('onnx', 'pth'))
    assert np.abs(ours.astype(int) - theirs.astype(int)).max() <= 7  # of 65535
    assert '"threshold": 0.51' in Path('onnx', 'run.json').read_text()
    main(['info', 'm.onnx', '--json'])
    assert '"onnx": {' in capsys.readouterr().out
    with pytest.raises(
        SystemExit, match=r'^error: m\.onnx: a model as ONNX\. .*Take the checkpoint'
    ):
        main(['test', 'm.onnx'])
