"""docs/export.md: the program that runs an ONNX file without this package gives the same mask."""

import re
import runpy
from pathlib import Path

import pytest
from tiny_models import write_blobs

from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.test_output import use_test_output
from mmseg_mammo.inference.onnx.export import export_onnx
from mmseg_mammo.inference.predictor import Predictor

PAGE = Path(__file__).parents[1] / 'docs' / 'export.md'


def test_its_program_gives_the_mask_of_predict(unet, tmp_path, monkeypatch):
    output = dict(threshold=0.52, temperature=2.0)
    pytest.importorskip('onnx')
    pytest.importorskip('onnxruntime')
    (program,) = re.findall(r'```python\n(.*?)```', PAGE.read_text(encoding='utf-8'), re.DOTALL)
    assert 'mmseg_mammo' not in program
    (tmp_path / 'program.py').write_text(program)
    cfg = read_stored_config(unet)
    use_test_output(cfg, **output)
    (out,) = export_onnx(cfg, unet, tmp_path / 'm.onnx')
    image = write_blobs(tmp_path / 'a.png', 1, (90, 70))
    monkeypatch.setattr('sys.argv', ['program.py', str(out), str(image)])
    mask = runpy.run_path(str(tmp_path / 'program.py'))['mask']
    found = Predictor(out, device='cpu')(image)
    expected = found.mask
    assert found.threshold == 0.52
    plain = Predictor(unet, device='cpu', threshold=0.52)(image).mask
    assert (plain != expected).sum() > 20  # the temperature matters
    assert 0 < expected.sum() < expected.size
    assert (mask != expected).sum() <= 2  # at the edge, by rounding
