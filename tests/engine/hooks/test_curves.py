"""curves.png of a training that runs."""

import cv2
import pytest
from experiments import shrink, train

from mmseg_mammo.io.run_folder import PICTURE
from mmseg_mammo.visualization import curves


@pytest.fixture
def pictures(monkeypatch):
    """The lines and the unit of every picture."""
    seen = []
    draw = curves.curve_picture

    def note(lines, title, unit):
        seen.append((list(lines), unit))
        return draw(lines, title, unit)

    monkeypatch.setattr(curves, 'curve_picture', note)
    return seen


def validated(lines):
    return [line['step'] for line in lines if 'lesion_dice' in line]


def test_each_validation_rewrites_the_picture_also_of_a_resumed_training(
    pictures, prepared, tmp_path
):
    train(shrink('unet_cbis', prepared, tmp_path), kill=2)
    assert [validated(lines) for lines, _ in pictures] == [[1], [1, 2]]
    first = (tmp_path / PICTURE).read_bytes()
    cfg = shrink('unet_cbis', prepared, tmp_path)
    cfg.resume = True
    train(cfg)
    assert validated(pictures[-1][0]) == [1, 2, 3]
    assert pictures[-1][1] == 'epoch'
    assert (tmp_path / PICTURE).read_bytes() != first
    assert cv2.imread(str(tmp_path / PICTURE)) is not None


def test_a_picture_that_cannot_be_drawn_stops_no_training(prepared, tmp_path, caplog):
    (tmp_path / PICTURE).mkdir()  # nothing can take its place
    runner = train(shrink('unet_cbis', prepared, tmp_path, epochs=2))
    assert runner.epoch == 2
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert log.count('curves.png is not drawn: ') == 1
