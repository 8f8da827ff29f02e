"""Rows of the case description CSVs, and runs, for the tests of the CBIS-DDSM preparation."""

import csv
import shutil
from dataclasses import replace

from mmseg_mammo.io.index import read_index
from mmseg_mammo.preparation.cbis_ddsm.prepare import Options, prepare
from mmseg_mammo.preparation.cbis_ddsm.table import Abnormality, parse_case

OPTIONS = Options(jobs=1, long_side=0)
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


def read_csv(path):
    """Lines of a table of abnormalities by their names."""
    with path.open(newline='') as stream:
        return {line['abnormality']: line for line in csv.DictReader(stream)}


def run(raw, out, **options):
    """Prepare a tree in full resolution; what the tool says."""
    said = []
    prepare(raw, out, replace(OPTIONS, **options), said.append)
    return '\n'.join(said)


def contents(out):
    """Image -> (annotated, pixels of the image, pixels of the mask), of every row of the index."""
    return {
        row.image: (
            row.annotated,
            (out / row.image).read_bytes(),
            (out / row.mask).read_bytes() if row.mask else b'',
        )
        for row in read_index(out / 'index.csv')
    }


def copy_tables(tree, raw):
    """Copy the case descriptions of a phantom, and its mark, into another tree."""
    raw.mkdir(parents=True, exist_ok=True)
    for path in (*tree.rglob('*_case_description_*.csv'), tree / 'PHANTOM.txt'):
        shutil.copy(path, raw / path.name)
