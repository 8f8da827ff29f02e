"""``benchmark`` hands over to what is measured; each says how it is typed."""

import pytest

from mmseg_mammo.cli.main import main, parser_of


@pytest.mark.parametrize('kind', ['train', 'data', 'predict', 'scale', 'pixels'])
def test_each_kind_has_a_help_of_its_own(kind, capsys):
    with pytest.raises(SystemExit) as end:
        main(['benchmark', kind, '--help'])
    assert not end.value.code
    first = 'data/cbis_ddsm/images' if kind == 'pixels' else 'setr_pup_vpt_cbis'
    assert f'mammoseg benchmark {kind} {first}' in capsys.readouterr().out


def test_a_script_of_tools_names_itself(capsys):
    with pytest.raises(SystemExit):
        parser_of('benchmark', 'benchmark.py', 'python tools/benchmark.py').parse_args(
            ['data', '--help']
        )
    assert 'benchmark.py data setr_pup_vpt_cbis' in capsys.readouterr().out
