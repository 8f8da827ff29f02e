"""``phantom``: its choices are those of the phantoms, and options of CBIS-DDSM are for it alone."""

import pytest

from mmseg_mammo.cli import phantom
from mmseg_mammo.cli.main import main
from mmseg_mammo.io.table import read_table
from mmseg_mammo.phantoms import trees
from mmseg_mammo.phantoms.cbis_cases import SUBSETS
from mmseg_mammo.phantoms.cbis_layouts import LAYOUTS
from mmseg_mammo.phantoms.hospital import EXPORTS


def test_the_choices_of_the_parser_are_those_of_the_phantoms():
    assert ('cbis', *EXPORTS) == phantom.HOSPITALS
    assert tuple(LAYOUTS) == phantom.LAYOUTS
    assert tuple(SUBSETS) == phantom.SUBSETS
    assert trees.DEFECTS == phantom.DEFECTS


def test_a_tree_of_a_hospital_is_written(tmp_path, capsys):
    words = ['--hospital', 'zgt', '--patients', '1', '--height', '64', '--seed', '5']
    main(['phantom', str(tmp_path / 'raw'), *words])
    mark = (tmp_path / 'raw' / 'PHANTOM.txt').read_text()
    assert {'hospital: zgt', 'patients: 1', 'height: 64', 'seed: 5'} <= set(mark.splitlines())
    assert f'see {tmp_path}/raw/PHANTOM.txt' in capsys.readouterr().out


def test_lesions_without_a_mask_are_of_a_hospital(tmp_path):
    words = ['--patients', '2', '--height', '64', '--image-labels', '0.5']
    main(['phantom', str(tmp_path / 'raw'), '--hospital', 'zgt', *words])
    rows = read_table(tmp_path / 'raw' / 'annotations.csv', ('image', 'mask'))
    masks = [bool(row['mask']) for row in rows if row['annotated'] == 'lesion']
    assert masks == [True, False] * (len(masks) // 2) + [True] * (len(masks) % 2)
    assert len([*(tmp_path / 'raw' / 'masks').iterdir()]) == sum(masks)
    with pytest.raises(SystemExit, match='--image-labels with --hospital cbis'):
        main(['phantom', str(tmp_path / 'b'), '--hospital', 'cbis', *words])
    with pytest.raises(SystemExit, match=r'image_labels=2\. Allowed: a share'):
        main(['phantom', str(tmp_path / 'b'), '--hospital', 'zgt', '--image-labels', '2'])


def test_options_of_cbis_reach_it_and_no_other(tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(trees, 'write_cbis_tree', lambda out, **given: seen.update(given))
    words = ['--defects', 'split, missing', '--subset', 'calc-test', '--layout', 'L6']
    main(['phantom', 'raw', '--hospital', 'cbis', *words, '--limit', '2'])
    assert seen == {
        'defects': ('split', 'missing'),
        'subset': ('calc-test',),
        'layout': 'L6',
        'limit': 2,
        'height': 1024,
        'seed': 0,
        'patients': 12,
    }
    said = r'^mammoseg phantom: --layout, --subset, --defects with --hospital zgt. Allowed: --h'
    with pytest.raises(SystemExit, match=said):
        main(['phantom', str(tmp_path / 'raw'), '--hospital', 'zgt', *words])
    assert not [*tmp_path.iterdir()]
