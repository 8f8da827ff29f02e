"""What run.json and test.json say of imported masks."""

import json
from collections import Counter

import pytest
from imported_masks import make_prepared

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.inference.imported.find import Found, MaskFile
from mmseg_mammo.inference.imported.masks import Reading
from mmseg_mammo.inference.imported.run_files import Request, describe, write_run


@pytest.fixture
def dataset(tmp_path):
    make_prepared(tmp_path)
    return MammographyDataset(data_root=str(tmp_path), split='test', pipeline=[], test_mode=True)


def test_missing_and_other_files_are_counted(dataset, tmp_path):
    files = {name: MaskFile(None, score=0.5) for name in ('images/P1/CC.png', 'images/P4/CC.png')}
    found = Found(files, ('x.png',), ('y.png',))
    facts = describe(Request(tmp_path, tmp_path, 'CAD'), dataset, found, Counter(resized=1))
    assert facts['kind'] == 'masks and scores'
    counts = ('images', 'missing', 'unmatched', 'of_other_images', 'by_file_name_alone', 'resized')
    assert [facts[name] for name in counts] == [4, 3, 1, 1, 1, 1]


def test_settings_that_change_numbers_change_the_hash(dataset, tmp_path):
    hashes = set()
    for threshold in (0.3, 0.6):
        reading = Reading(probabilities=True, threshold=threshold)
        request = Request(tmp_path, tmp_path, 'CAD', reading=reading)
        write_run(tmp_path, request, dataset, {'name': 'CAD'}, {}, 0.0)
        run = json.loads((tmp_path / 'run.json').read_text())
        assert run['test_output']['threshold'] == threshold
        hashes.add(run['config_sha256'])
    assert run['data']['test']['patients'] == 2
    assert len(hashes) == 2
