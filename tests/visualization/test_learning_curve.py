import cv2
import numpy as np
from learning_curves import make_curve

from mmseg_mammo.evaluation.learning_curve.forecast import forecast
from mmseg_mammo.evaluation.learning_curve.tables import curves_of
from mmseg_mammo.visualization.learning_curve import learning_curve_figure


def draw(folder, **more):
    curves = curves_of(make_curve(folder, **more))
    found = {config: forecast(curves.of(config), 20) for config in curves.points}
    return learning_curve_figure('curve', 'Curve', curves, found)


def test_it_names_every_line_in_picture_and_words(tmp_path):
    figure = draw(tmp_path)
    assert cv2.imdecode(np.frombuffer(figure.png, np.uint8), 1).shape[1] > 900
    for text in ('unet_full', 'unet_bias', 'setr_vpt', 'start, not tuned', '128'):
        assert text in figure.svg
    assert figure.alt.startswith('start 30')
    assert 'unet_full: 5 ' in figure.alt


def test_the_same_curve_is_drawn_to_the_same_bytes(tmp_path):
    assert draw(tmp_path / 'a').svg == draw(tmp_path / 'b').svg


def test_a_start_alone_and_a_curve_without_one_are_drawn(tmp_path):
    assert 'start, not tuned' in draw(tmp_path / 'a', tunings={}).svg
    assert 'start, not tuned' not in draw(tmp_path / 'b', start=None).svg
