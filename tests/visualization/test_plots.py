"""Drawings, read back by matplotlib and as XML."""

import io
from itertools import pairwise
from xml.etree import ElementTree

import matplotlib as mpl
import pytest
from matplotlib.figure import Figure as Canvas
from matplotlib.image import imread
from PIL import Image

from mmseg_mammo.evaluation.bootstrap import Estimate
from mmseg_mammo.visualization.plots import (
    COLOURS,
    GREY,
    canvas,
    describe_means,
    dot,
    forest,
    model_style,
    panels,
    to_figure,
)

NAN = float('nan')


def estimate(value, low=NAN, high=NAN):
    return Estimate(value, low, high, 30)


def drawn(name='f', size=(2, 1), text='Dice'):
    with canvas(name, size) as figure:
        axis = figure.subplots()
        axis.plot([0, 1], [1, 0])
        axis.set_title(text)
        return to_figure(figure, name, 'Title', 'Caption.', 'Alt')


def svg(figure):
    return ElementTree.fromstring(figure.svg)


def words(figure):
    """The texts of an SVG, which stay texts."""
    return [
        ''.join(node.itertext()) for node in svg(figure).iter('{http://www.w3.org/2000/svg}text')
    ]


def axes_of(figure):
    return [g for g in svg(figure).iter() if g.get('id', '').startswith('axes_')]


def test_neighbours_look_different_and_so_do_the_first_28():
    looks = [tuple(model_style(index).values()) for index in range(4 * len(COLOURS))]
    assert len(set(looks)) == len(looks)
    assert all(one[0] != other[0] for one, other in pairwise(looks))
    assert model_style(None)['color'] == GREY
    assert GREY not in COLOURS


def test_a_figure_is_a_png_of_its_size_and_an_svg_with_its_words():
    figure = drawn(size=(3, 2), text='Dice ≥ 0.5')
    picture = imread(io.BytesIO(figure.png), format='png')
    assert picture.shape == (2 * 150, 3 * 150, 4)
    assert (picture[0, 0] == 1).all()  # white, not transparent
    assert 'Dice ≥ 0.5' in words(figure)
    assert (figure.name, figure.title, figure.caption, figure.alt) == (
        'f',
        'Title',
        'Caption.',
        'Alt',
    )


def test_the_same_drawing_is_the_same_bytes_without_dates_and_programs():
    figure, again, other = drawn(), drawn(), drawn('g')
    assert figure == again
    assert figure.svg != other.svg  # ids of two pictures on a page do not meet
    with Image.open(io.BytesIO(figure.png)) as picture:
        assert 'Software' not in picture.info
    assert '<dc:date>' not in figure.svg
    assert 'Matplotlib' not in figure.svg


def test_the_style_ends_with_the_canvas():
    before = dict(mpl.rcParams)
    with pytest.raises(KeyError), canvas('f', (1, 1)):
        assert mpl.rcParams['svg.fonttype'] == 'none'
        assert mpl.rcParams['font.size'] == 9
        raise KeyError
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(('count', 'wide', 'high'), [(1, 1, 1), (2, 2, 1), (4, 3, 2)])
def test_at_most_three_panels_stand_in_a_row_and_each_is_drawn_once(count, wide, high):
    seen = []
    draw = [lambda axis, text=f'panel {n}': seen.append(axis.set_title(text)) for n in range(count)]
    figure = panels('f', 'T', 'C', 'A', draw, size=(1, 1))
    assert imread(io.BytesIO(figure.png), format='png').shape[:2] == (150 * high, 150 * wide)
    assert len(seen) == len(axes_of(figure)) == count  # a place that is left over stays white
    assert [text for text in words(figure) if text.startswith('panel')] == [
        f'panel {number}' for number in range(count)
    ]


def test_one_legend_below_names_each_model_in_its_look():
    draw = [lambda axis: axis.plot([0, 1])] * 2
    figure = panels('f', 'T', 'C', 'A', draw, {'U-Net': 0, 'SAM <2>': 3}, size=(2, 1))
    assert words(figure)[-2:] == ['U-Net', 'SAM <2>']
    plain = panels('f', 'T', 'C', 'A', draw, size=(2, 1))
    height, bare = (imread(io.BytesIO(one.png), format='png').shape[0] for one in (figure, plain))
    assert height > bare == 150
    for index in (0, 3):
        assert COLOURS[index].lower() in figure.svg.rpartition('legend_1')[2]


@pytest.mark.parametrize(('length', 'rows'), [(5, 1), (15, 2), (60, 4)])
def test_a_legend_has_as_many_rows_as_its_longest_name_needs(length, rows):
    """On a panel of 4 inches, at 0.08 inches a letter; a row takes 0.22."""
    labels = {f'{number}'.ljust(length, 'x'): number for number in range(4)}
    figure = panels('f', 'T', 'C', 'A', [lambda axis: None], labels, size=(4, 1))
    height = imread(io.BytesIO(figure.png), format='png').shape[0]
    assert height == pytest.approx(150 * (1 + 0.22 * rows), abs=1)


def axis_with(*dots):
    axis = Canvas().subplots()
    for each in dots:
        dot(axis, *each)
    return axis


def test_a_dot_is_a_mean_with_its_interval():
    axis = axis_with((estimate(30, 20, 45), 2, 1))
    interval, mean = axis.lines
    assert (list(interval.get_xdata()), list(interval.get_ydata())) == ([20, 45], [2, 2])
    assert (list(mean.get_xdata()), list(mean.get_ydata())) == ([30], [2])
    style = model_style(1)
    assert (mean.get_marker(), mean.get_color()) == (style['marker'], style['color'])
    assert interval.get_color() == style['color']
    assert not mean.get_clip_on()  # whole, also at the end of its axis


def test_a_mean_without_interval_is_a_dot_and_no_mean_is_nothing():
    assert len(axis_with((estimate(30), 0, None)).lines) == 1
    assert len(axis_with((estimate(NAN, 1, 2), 0, None)).lines) == 0


def test_a_forest_has_a_panel_for_each_score_and_names_the_models_once():
    values = {
        'Dice': {'U-Net': estimate(30, 20, 40), 'SAM': estimate(50, 45, 52)},
        'IoU': {'SAM': estimate(1e-8), 'nothing': estimate(NAN)},
    }
    figure = forest('f', 'T', 'C', values, {'U-Net': 0, 'SAM': 1})
    assert len(axes_of(figure)) == 2
    told = words(figure)
    for model in ('U-Net', 'SAM', 'nothing'):
        assert told.count(model) == 1
    assert [text for text in told if text in values] == ['Dice', 'IoU']
    assert figure.alt == 'Dice: U-Net 30.0, SAM 50.0; IoU: SAM 0.0'


def test_the_axis_of_percent_is_from_0_to_1_at_least():
    figure = forest('f', 'T', 'C', {'Dice': {'SAM': estimate(1e-8)}}, {'SAM': 0})
    ticks = [float(text) for text in words(figure) if text[0].isdigit()]
    assert (min(ticks), max(ticks)) == (0, 1)


def test_means_are_told_in_words():
    assert describe_means({'a': estimate(12.34), 'b': estimate(NAN)}) == 'a 12.3'
    assert describe_means({'b': estimate(NAN)}) == describe_means({}) == 'no images'
