"""The look at many images: what the journal keeps, and what is not looked at again."""

import pytest
from tiny_models import write_blobs

from mmseg_mammo.inference.prediction_folder.inputs import find_inputs
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.studies.annotation.look import look_at_all
from mmseg_mammo.studies.annotation.seen import mean_entropy


def test_every_image_is_seen_once_and_what_cannot_be_read_is_told(unet, tmp_path, monkeypatch):
    for number in range(3):
        write_blobs(tmp_path / 'in' / f'{number}.png', number)
    (tmp_path / 'in' / '3.png').write_bytes(b'broken')
    inputs = find_inputs([tmp_path / 'in'], tmp_path / 'out')
    predictor = Predictor(unet, device='cpu')
    seen, failed = look_at_all(predictor, inputs, tmp_path / 'out', batch_size=2)
    assert [one.key for one in seen] == ['0', '1', '2']
    assert [*failed] == ['3.png']
    found = predictor(inputs[1].path)
    loaded = predictor.load(inputs[1].path)
    assert seen[1].entropy == pytest.approx(mean_entropy(found.probability, loaded.image), rel=1e-4)
    assert seen[1].lesion == bool(found.regions)
    assert seen[1].features == pytest.approx(tuple(found.features), abs=2e-4)
    assert len(seen[1].features) == 32

    def never(*_):
        raise AssertionError('looked at again')

    (tmp_path / 'in' / '3.png').unlink()
    monkeypatch.setattr(Predictor, 'predict', never)
    again, failed = look_at_all(predictor, inputs[:3], tmp_path / 'out')
    assert (again, failed) == (seen, {})
