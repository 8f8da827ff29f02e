"""Rows of the case description CSVs for the tests of the CBIS-DDSM preparation."""

from mmseg_mammo.preparation.cbis_table import Abnormality, parse_case

ROOT = '1.3.6.1.4.1.9590.100.1.2'
MASS_HEADER = (
    'patient_id,breast_density,left or right breast,image view,abnormality id,'
    'abnormality type,mass shape,mass margins,assessment,pathology,subtlety,'
    'image file path,cropped image file path,ROI mask file path'
)
CALC_HEADER = MASS_HEADER.replace('breast_density', 'breast density').replace(
    'mass shape,mass margins', 'calc type,calc distribution'
)


def uid(number):
    return f'{ROOT}.{10**30 + number}'


def make_record(
    folder='Mass-Training_P_00001_LEFT_CC',
    abnormality_id='1',
    image=1,
    mask=2,
    crop=2,
    mask_file='000001.dcm',
    **more,
):
    patient, number, laterality, view = folder.split('_')[1:]
    return {
        'patient_id': f'{patient}_{number}',
        'breast_density': '3',
        'left or right breast': laterality,
        'image view': view,
        'abnormality id': abnormality_id,
        'pathology': 'MALIGNANT',
        'image file path': f'{folder}/{uid(1000 + image)}/{uid(image)}/000000.dcm',
        'cropped image file path': f'{folder}_{abnormality_id}/{uid(1000 + crop)}/{uid(crop)}'
        '/000000.dcm',
        'ROI mask file path': f'{folder}_{abnormality_id}/{uid(1000 + mask)}/{uid(mask)}'
        f'/{mask_file}',
        **more,
    }


def make_case(folder='Mass-Training_P_00001_LEFT_CC', row=2, **more) -> Abnormality:
    return parse_case(make_record(folder, **more), 'table.csv', row)
