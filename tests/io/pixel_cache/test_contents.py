import os
from pathlib import Path

import pytest

from mmseg_mammo.io.pixel_cache import contents
from mmseg_mammo.io.pixel_cache.contents import Source, check_proof, make_proof, stamps


@pytest.fixture
def source(tmp_path):
    image, mask = tmp_path / 'image.png', tmp_path / 'mask.png'
    image.write_bytes(b'image')
    mask.write_bytes(b'mask')
    return Source((str(image), str(mask)), {'annotated': 'lesion', 'extent': (1.5, 2.0)})


def test_files_of_the_same_size_and_time_are_not_read(source, monkeypatch):
    proof = make_proof(source, stamps(source))
    monkeypatch.setattr(contents, 'digests', None)

    assert check_proof(proof, source) == (True, None)


def test_a_file_that_was_only_touched_is_the_same(source):
    proof = make_proof(source, stamps(source))
    os.utime(source.files[0], ns=(1, 1))

    same, renewed = check_proof(proof, source)

    assert same
    assert check_proof(renewed, source) == (True, None)


@pytest.mark.parametrize('number', [0, 1])
def test_another_content_is_another_image(source, number):
    proof = make_proof(source, stamps(source))
    with Path(source.files[number]).open('r+b') as file:
        file.write(b'I')

    assert check_proof(proof, source) == (False, None)


def test_other_facts_are_another_image(source):
    proof = make_proof(source, stamps(source))

    assert not check_proof(proof, source._replace(facts={'annotated': 'normal'}))[0]
    assert not check_proof(proof, source._replace(files=(source.files[0], None)))[0]


def test_a_file_that_changes_while_it_is_read_gives_no_proof(source):
    before = stamps(source)
    os.utime(source.files[0], ns=(1, 1))

    assert make_proof(source, before) is None
