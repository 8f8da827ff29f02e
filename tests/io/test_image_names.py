"""Names of a table of another tool: which image is meant, and where that cannot be told."""

from pathlib import Path

import pytest

from mmseg_mammo.errors import DataFileError
from mmseg_mammo.io.image_names import match_names

TABLE = Path('t.csv')
IMAGES = ('images/P1/LCC.png', 'images/P1/LMLO.png', 'images/P2/LCC.png', 'images/1.2.840.113.png')


@pytest.mark.parametrize(
    ('name', 'image'),
    [
        ('images/P1/LCC.png', 'images/P1/LCC.png'),
        ('P1/LCC.dcm', 'images/P1/LCC.png'),
        ('P2\\LCC', 'images/P2/LCC.png'),
        ('D:\\export\\images\\P2\\LCC.png', 'images/P2/LCC.png'),
        ('./images/P2/LCC.png', 'images/P2/LCC.png'),
        ('LMLO', 'images/P1/LMLO.png'),
        ('LMLO.nii.gz.png', None),
        ('1.2.840.113', 'images/1.2.840.113.png'),
        ('1.2.840', None),
        ('P3/LMLO.png', 'images/P1/LMLO.png'),
        ('P3/LCC.png', None),
        ('lcc', None),
    ],
)
def test_a_name_means_the_image_with_which_it_ends(name, image):
    found = match_names([name], IMAGES, TABLE)
    assert found.names == ({} if image is None else {image: name})
    assert found.unknown == (() if image else (name,))
    assert found.loose == ((name,) if name == 'P3/LMLO.png' else ())


def test_where_folders_differ_the_ending_does_not_choose_among_images_of_one_name():
    images = ('P1/LCC.png', 'P2/LCC.dcm')
    assert match_names(['P3/LCC.png'], images, TABLE).unknown == ('P3/LCC.png',)
    assert match_names(['LCC.png'], images, TABLE).names == {'P1/LCC.png': 'LCC.png'}


def test_a_name_that_may_mean_several_images_is_an_error():
    with pytest.raises(
        DataFileError, match=r'LCC\.png may mean each of 2 images: images/P1.*longer'
    ):
        match_names(['LCC.png'], IMAGES, TABLE)
    with pytest.raises(DataFileError, match='a may mean each of 2 images'):
        match_names(['a'], ['a.png', 'a.dcm'], TABLE)
    assert match_names(['a.dcm'], ['a.png', 'a.dcm'], TABLE).names == {'a.dcm': 'a.dcm'}


def test_two_names_for_one_image_are_an_error():
    with pytest.raises(DataFileError, match=r'LMLO\.png may mean each of 2 names: P1/LMLO\.png'):
        match_names(['P1/LMLO.png', 'LMLO.png'], IMAGES, TABLE)


def test_the_name_as_it_is_comes_before_all_others():
    images = ['a.png', 'x/a.png']
    assert match_names(images, images, TABLE).names == {'a.png': 'a.png', 'x/a.png': 'x/a.png'}
    assert match_names(['y/a.png'], images, TABLE).names == {'a.png': 'y/a.png'}
    found = match_names(images, ['a.png'], TABLE)
    assert (found.names, found.unknown) == ({'a.png': 'a.png'}, ('x/a.png',))


def test_a_table_of_all_serves_a_part_of_the_images():
    """Files of other patients have the same names: they are no second name of those that are there."""
    names = ['P1/LCC.dcm', 'P2/LCC.dcm', 'P3/LCC.dcm']
    found = match_names(names, ['/data/P2/LCC.dcm'], TABLE)
    assert found.names == {'/data/P2/LCC.dcm': 'P2/LCC.dcm'}
    assert found.unknown == ('P1/LCC.dcm', 'P3/LCC.dcm')
    others = match_names(names, ['/data/P4/LCC.dcm'], TABLE)
    assert (others.names, others.unknown) == ({}, tuple(names))
