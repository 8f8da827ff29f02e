"""``operating_point.json`` is read strictly, and never overwritten."""

import json

import pytest

from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.io.operating_point import (
    OperatingPoint,
    read_operating_point,
    read_target,
    write_operating_point,
)

POINT = OperatingPoint(
    threshold=0.731,
    temperature=1.4,
    breast_only=True,
    target='specificity=0.9',
    images={'sources': ['ours'], 'normal': 100, 'index_sha256': 'ab' * 32},
    model={'checkpoint': 'epoch_1.pth', 'checkpoint_sha256': '0f' * 32, 'config': 'unet_cbis.py'},
    interval={'low': 0.83, 'high': 0.95, 'level': 0.95},
    notes=('One sentence.',),
)


def test_what_is_written_is_read(tmp_path):
    path = tmp_path / 'operating_point.json'
    write_operating_point(path, POINT)
    assert read_operating_point(path) == POINT
    with pytest.raises(DataFileError, match=r'exists, and is not overwritten\. Name another'):
        write_operating_point(path, POINT)


def test_a_threshold_alone_is_enough(tmp_path):
    path = tmp_path / 'a.json'
    path.write_text('{"threshold": 1}')
    assert read_operating_point(path) == OperatingPoint(1)


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('threshold: 0.5', 'not JSON'),
        ('[0.5]', 'not a JSON object'),
        ('{}', r'no threshold\. Allowed: a probability from 0 to 1'),
        ('{"threshold": 1.2}', r'threshold is 1\.2\. Allowed: a probability from 0 to 1'),
        ('{"threshold": "0.5"}', 'threshold is "0.5"'),
        ('{"threshold": true}', 'threshold is true'),
        ('{"threshold": null}', 'threshold is null'),
        ('{"threshold": NaN}', 'threshold is NaN'),
        ('{"threshold": 0.5, "temperature": 0}', r'temperature is 0\. Allowed: a number above 0'),
        ('{"threshold": 0.5, "breast_only": 1}', r'breast_only is 1\. Allowed: true or false'),
        ('{"threshold": 0.5, "treshold": 1}', r"unknown key 'treshold'\. Allowed: threshold, temp"),
        ('{"threshold": 0.5, "target": "recall=0.9"}', 'target is .*Allowed: specificity=S'),
        ('{"threshold": 0.5, "images": []}', r'images is \[\]\. Allowed: an object'),
        ('{"threshold": 0.5, "notes": "one"}', r'notes is "one"\. Allowed: a list of texts'),
        (
            '{"threshold": 0.5, "model": {"checkpoint_sha256": "abc"}}',
            r"checkpoint_sha256 is 'abc'\. Allowed: 64 hexadecimal digits",
        ),
    ],
)
def test_what_means_nothing_is_refused_by_name(tmp_path, content, message):
    path = tmp_path / 'operating_point.json'
    path.write_text(content)
    with pytest.raises(DataFileError, match=message) as caught:
        read_operating_point(path)
    assert str(path) in str(caught.value)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(DataFileError, match='No such file'):
        read_operating_point(tmp_path / 'none.json')


def test_no_number_is_lost_in_the_file(tmp_path):
    path = tmp_path / 'a.json'
    write_operating_point(path, OperatingPoint(0.1 + 0.2))
    assert json.loads(path.read_text())['threshold'] == 0.1 + 0.2


@pytest.mark.parametrize('text', ['specificity', 'specificity=1', 'specificity=x', 'ppv=0.5', ''])
def test_targets_are_read_strictly(text):
    assert read_target('sensitivity=0.95') == ('sensitivity', 0.95)
    with pytest.raises(MammoError, match='such as specificity'):
        read_target(text)


def test_presence_is_written_where_it_is_and_nowhere_else(tmp_path):
    settings = dict(presence_threshold=0.2, presence_scale=1.5, presence_bias=-0.5)
    write_operating_point(tmp_path / 'a.json', OperatingPoint(0.4, **settings))
    found = read_operating_point(tmp_path / 'a.json')
    assert found.presence() == settings
    write_operating_point(tmp_path / 'b.json', OperatingPoint(0.4))
    assert 'presence' not in (tmp_path / 'b.json').read_text()
    assert read_operating_point(tmp_path / 'b.json').presence() == {}


def test_mirror_images_are_written_where_they_are_known(tmp_path):
    for flips in (True, False, None):
        file = tmp_path / f'{flips}.json'
        write_operating_point(file, OperatingPoint(0.4, flips=flips))
        assert read_operating_point(file).flips is flips
        assert ('flips' in file.read_text()) == (flips is not None)


@pytest.mark.parametrize(
    ('name', 'value'),
    [('flips', '1'), ('presence_threshold', 1.1), ('presence_scale', 0), ('presence_bias', 'null')],
)
def test_a_presence_that_means_nothing_is_refused(name, value, tmp_path):
    (tmp_path / 'a.json').write_text(f'{{"threshold": 0.5, "{name}": {value}}}')
    with pytest.raises(DataFileError, match=f'{name} is '):
        read_operating_point(tmp_path / 'a.json')
