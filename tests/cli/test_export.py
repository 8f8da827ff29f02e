"""``export``: a small file says what is in it, and no other file is touched."""

from collections import OrderedDict

import pytest
import torch
from experiments import shrink
from mmengine.registry import DefaultScope
from mmseg.registry import MODELS

from mmseg_mammo.cli.main import main


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
