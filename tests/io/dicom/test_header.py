import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from mmseg_mammo.io.dicom.header import (
    is_for_processing,
    photometric_of,
    side_of,
    value_of,
    view_of,
)


def items(*datasets):
    return list(datasets)


def tagged(**tags):
    dataset = Dataset()
    for name, value in tags.items():
        setattr(dataset, name, value)
    return dataset


def coded(value, scheme):
    return items(tagged(CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning='x'))


def grouped(sequence, place='Shared', **tags):
    """Tags in a functional group."""
    group = tagged(**{sequence: items(tagged(**tags))})
    return tagged(**{f'{place}FunctionalGroupsSequence': items(group)})


@pytest.mark.parametrize('empty', [None, '', ' ', []])
def test_an_empty_tag_is_a_missing_tag(empty):
    assert value_of(tagged(ViewPosition=empty), 'ViewPosition') is None
    assert value_of(tagged(), 'ViewPosition') is None
    assert value_of(tagged(RescaleIntercept=0), 'RescaleIntercept') == 0


@pytest.mark.parametrize('place', ['Shared', 'PerFrame'])
def test_functional_groups_are_read_and_their_contradictions_named(place):
    dataset = grouped('PixelValueTransformationSequence', place, RescaleSlope=2)
    assert value_of(dataset, 'RescaleSlope') == 2
    dataset.RescaleSlope = None
    assert value_of(dataset, 'RescaleSlope') == 2
    dataset.RescaleSlope = 2
    assert value_of(dataset, 'RescaleSlope') == 2
    dataset.RescaleSlope = 3
    with pytest.raises(ValueError, match=r'RescaleSlope is 3\S* and 2'):
        value_of(dataset, 'RescaleSlope')


@pytest.mark.parametrize(
    ('value', 'scheme', 'view'),
    [
        ('R-10242', 'SRT', 'CC'),
        ('R-10226', 'SNM3', 'MLO'),
        ('399162004', 'SCT', 'CC'),
        ('399368009', 'SCT', 'MLO'),
        ('R-1024A', 'SRT', 'XCCL'),
        ('no such', 'SCT', ''),
    ],
)
def test_a_view_code_stands_for_the_text(value, scheme, view):
    assert view_of(tagged(ViewCodeSequence=coded(value, scheme))) == view
    both = tagged(ViewPosition='', ViewCodeSequence=coded(value, scheme))
    assert view_of(both) == view


def test_view_codes_are_those_of_the_standard():
    from pydicom.sr.codedict import codes
    from pydicom.sr.coding import Code

    names = {
        'CC': 'CranioCaudal',
        'MLO': 'MedioLateralObliqueProjection',
        'ML': 'MedioLateralProjection',
        'LM': 'LateroMedial',
        'LMO': 'LateroMedialOblique',
        'SIO': 'SuperolateralToInferomedialOblique',
        'XCCL': 'CranioCaudalExaggeratedLaterally',
        'XCCM': 'CranioCaudalExaggeratedMedially',
        'FB': 'CaudoCranial',
    }
    from mmseg_mammo.io.dicom.header import VIEW_CODES

    for value, view in VIEW_CODES.items():
        scheme = 'SRT' if value.startswith('R-') else 'SCT'
        assert Code(value, scheme, '') == getattr(codes.cid4014, names[view])


def test_text_and_code_that_differ_leave_the_view_unknown():
    codes = coded('R-10242', 'SRT')
    assert view_of(tagged(ViewPosition='CC', ViewCodeSequence=codes)) == 'CC'
    assert view_of(tagged(ViewPosition='MLO', ViewCodeSequence=codes)) == ''
    assert view_of(tagged(ViewPosition='L CC 1', ViewCodeSequence=codes)) == 'CC'


def test_the_side_stands_in_five_places():
    assert side_of(tagged(ImageLaterality='L')) == 'LEFT'
    assert side_of(tagged(ImageLaterality='', Laterality='r ')) == 'RIGHT'
    assert side_of(grouped('FrameAnatomySequence', FrameLaterality='L')) == 'LEFT'
    assert side_of(grouped('FrameAnatomySequence', 'PerFrame', FrameLaterality='R')) == 'RIGHT'
    region = tagged(AnatomicRegionModifierSequence=coded('G-A101', 'SRT'))
    assert side_of(tagged(AnatomicRegionSequence=items(region))) == 'LEFT'


@pytest.mark.parametrize('value', ['', 'B', 'U'])
def test_neither_side_and_both_are_unknown(value):
    assert side_of(tagged(ImageLaterality=value)) == ''
    assert side_of(tagged(ImageLaterality='L', Laterality='R')) == ''


@pytest.mark.parametrize(
    ('photometric', 'shape', 'expected', 'note'),
    [
        ('MONOCHROME1', 'INVERSE', 'MONOCHROME1', ''),
        ('monochrome2 ', '', 'MONOCHROME2', ''),
        ('', 'INVERSE', 'MONOCHROME1', 'no Photometric Interpretation'),
        (None, 'IDENTITY', 'MONOCHROME2', 'no Photometric Interpretation'),
        ('MONOCHROME2', 'INVERSE', 'MONOCHROME2', 'INVERSE contradicts MONOCHROME2'),
        ('', '', '', ''),
        ('RGB', 'IDENTITY', 'RGB', ''),
    ],
)
def test_presentation_lut_shape_speaks_where_photometric_is_silent(
    photometric, shape, expected, note
):
    dataset = tagged(PhotometricInterpretation=photometric, PresentationLUTShape=shape)
    found, odd = photometric_of(dataset)
    assert found == expected
    assert note in odd and bool(note) == bool(odd)


def test_raw_detector_data_is_told_by_intent_or_class():
    mammogram, radiograph = '1.2.840.10008.5.1.4.1.1.1.2', '1.2.840.10008.5.1.4.1.1.1.1'
    assert not is_for_processing(tagged(SOPClassUID=mammogram))
    assert not is_for_processing(tagged(PresentationIntentType='FOR PRESENTATION'))
    assert is_for_processing(tagged(PresentationIntentType='for processing '))
    for uid in (mammogram, radiograph):
        assert is_for_processing(tagged(SOPClassUID=f'{uid}.1'))
        assert is_for_processing(
            tagged(SOPClassUID=f'{uid}.1', PresentationIntentType='FOR PRESENTATION')
        )
    dataset = tagged()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = f'{mammogram}.1'
    assert is_for_processing(dataset)
