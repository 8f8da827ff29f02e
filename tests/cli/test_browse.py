"""``mammoseg browse``: a prepared folder, a config, and a checkpoint to compare with."""

import pytest
from prepared_sets import write_prepared
from records import RECORD, save

from mmseg_mammo.cli import browse as module
from mmseg_mammo.cli.main import main
from mmseg_mammo.inference import step_pictures
from mmseg_mammo.io.files import sha256
from mmseg_mammo.preparation.browse.look import look_at, read_items
from mmseg_mammo.preparation.likeness import features_of, to_record


@pytest.fixture
def folder(tmp_path):
    return write_prepared(tmp_path / 'data', 24, {4: lambda i, m: (255 - i, m)})


def test_a_prepared_folder_or_its_index_is_browsed(folder, tmp_path, capsys):
    for number, place in enumerate((folder, folder / 'index.csv')):
        main(['browse', str(place), '--out', str(tmp_path / str(number))])
        assert '1 of 24 images are suspicious' in capsys.readouterr().out
        assert (tmp_path / str(number) / 'index.html').is_file()


def test_it_is_compared_with_the_training_images_of_a_checkpoint(folder, tmp_path):
    statistics = [look_at(item).statistics for item in read_items(folder / 'index.csv')]
    del statistics[4]
    features = to_record([features_of(each) for each in statistics])
    images = {**RECORD['images'], 'count': 23, 'features': features}
    checkpoint = save(tmp_path / 'a.pth', {**RECORD, 'images': images})
    words = ['browse', str(folder), '--out', str(tmp_path / 'out')]
    main([*words, '--against', str(checkpoint)])
    table = (tmp_path / 'out' / 'browse.csv').read_text()
    assert 'unlike beside the training images' in table
    page = (tmp_path / 'out' / 'index.html').read_text()
    assert f'training images of a.pth (SHA-256 {sha256(checkpoint)[:12]})' in page
    poor = save(tmp_path / 'b.pth')
    with pytest.raises(SystemExit, match='does not tell of ten training images'):
        main([*words, '--against', str(poor)])


def test_a_split_without_images_and_numbers_that_mean_nothing_are_refused(folder, tmp_path):
    words = ['browse', str(folder), '--out', str(tmp_path / 'out')]
    with pytest.raises(SystemExit, match='no image of --split val'):
        main([*words, '--split', 'val'])
    with pytest.raises(SystemExit, match='--most -1'):
        main([*words, '--most', '-1'])
    with pytest.raises(SystemExit, match='--side 64: no effect on prepared images'):
        main([*words, '--side', '64'])


@pytest.fixture
def config(folder, tmp_path):
    """A config of a U-Net on the prepared folder."""
    path = tmp_path / 'ours.py'
    path.write_text(
        "_base_ = 'mmseg_mammo::unet_cbis.py'\n"
        f"data = dict(type='MammographyDataset', data_root={str(folder)!r})\n"
        'train_dataloader = dict(dataset=data)\n'
    )
    return path


def test_the_side_of_the_input_is_that_of_the_option(config, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(
        step_pictures,
        'write_steps',
        lambda path, places: seen.extend(data[index]['inputs'].shape for data, index in places),
    )
    words = ['browse', str(config), '--out', str(tmp_path / 'out'), '--steps', '1']
    main([*words, '--side', '64'])
    assert [tuple(shape[1:]) for shape in seen] == [(64, 64)]
    with pytest.raises(SystemExit, match=r'--side 70\. Allowed: a multiple of 16'):
        main([*words, '--side', '70'])
    bare = tmp_path / 'bare.py'
    bare.write_text(config.read_text().replace('_base_', '_from'))
    with pytest.raises(SystemExit, match=r'bare\.py has no model'):
        main(['browse', str(bare), *words[2:], '--side', '64'])


def test_of_a_config_the_steps_are_shown_too(config, tmp_path):
    main(['browse', str(config), '--out', str(tmp_path / 'out'), '--steps', '2'])
    assert (tmp_path / 'out' / 'steps.png').is_file()
    assert 'steps.png' in (tmp_path / 'out' / 'index.html').read_text()


def test_a_preparation_ends_with_a_look_at_a_sample_unless_told_not_to(
    folder, tmp_path, capsys, monkeypatch
):
    monkeypatch.setattr(module, 'SAMPLE', 5)
    table = tmp_path / 'table.csv'
    lines = [f'data/images/{n:02d}.png,data/masks/{n:02d}.png,P{n}' for n in range(8)]
    table.write_text('\n'.join(['image,mask,patient_id', *lines]))
    words = ['--table', str(table), '--jobs', '1']
    main(['prepare', str(tmp_path / 'a'), *words])
    assert 'sheets of 5 of 8 images' in capsys.readouterr().out
    assert (tmp_path / 'a' / 'browse' / 'sheet_001.png').is_file()
    main(['prepare', str(tmp_path / 'b'), *words, '--no-browse'])
    assert not (tmp_path / 'b' / 'browse').exists()
