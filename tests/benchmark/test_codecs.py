import numpy as np
import pytest

from mmseg_mammo.benchmark import codecs as module
from mmseg_mammo.benchmark.codecs import CACHE, PNG, Codec, find_codecs, measure_codecs
from mmseg_mammo.errors import MammoError


def image(dtype, shape=(70, 90)):
    return np.random.default_rng(0).integers(0, 15, shape, dtype)


def test_every_codec_gives_back_what_it_was_given():
    rows = measure_codecs([image(np.uint8), image(np.uint16, (33, 40))], find_codecs(), 2)

    assert rows[0]['codec'] == PNG
    assert {row['codec']: row['share'] for row in rows}['as in memory'] == 1
    assert all(row['share'] < 0.95 for row in rows if row['codec'] in (PNG, CACHE))


def test_times_are_medians_of_mean_images_and_ratios_are_to_png(monkeypatch):
    clock = iter([0, 1, 3, 0, 3, 4, 0, 2, 9, 0, 1, 2, 0, 9, 11, 0, 5, 6])
    monkeypatch.setattr(module.time, 'process_time', lambda: next(clock))
    copy = Codec(lambda one: one.tobytes(), lambda data, s, d: np.frombuffer(data, d).reshape(s))
    rows = measure_codecs([image(np.uint8)], {PNG: copy, 'other': copy}, 3)

    assert [(row['write_seconds'], row['read_seconds']) for row in rows] == [(2, 2), (3, 1)]
    assert [row['png_by_this'] for row in rows] == [1, 2]


def test_pixels_that_come_back_otherwise_end_it():
    broken = Codec(lambda one: one.tobytes(), lambda data, shape, dtype: np.zeros(shape, dtype))
    with pytest.raises(MammoError, match='came back otherwise'):
        measure_codecs([image(np.uint8)], {PNG: broken}, 1)


def test_noise_is_refused_by_the_codec_of_the_cache():
    noise = np.random.default_rng(0).integers(0, 256, (50, 50), np.uint8)
    with pytest.raises(MammoError, match='gets no smaller'):
        find_codecs()[CACHE].write(noise)
