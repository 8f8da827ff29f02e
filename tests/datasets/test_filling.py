import pytest
from prepared_sets import write_prepared

from mmseg_mammo.datasets import MammographyDataset
from mmseg_mammo.datasets.filling import fill_caches
from mmseg_mammo.datasets.step_cache import StepCache


@pytest.mark.parametrize('workers', [0, 2])
def test_all_images_are_cached_and_counted(tmp_path, workers, capsys, monkeypatch):
    folder = write_prepared(tmp_path / 'set', 5)
    (folder / 'images' / '03.png').write_bytes(b'broken')
    steps = [{'type': name} for name in ('ReadMammogram', 'MapIntensity', 'PackMammogram')]
    data = MammographyDataset(data_root=str(folder), pipeline=steps, cache={})

    found = fill_caches({'train': data}, workers)['train']

    assert found.pop('') == 4
    assert sum(found.values()) == 1
    out = capsys.readouterr().out
    assert 'train: 4 of 5 images are cached' in out
    assert '03.png' in out
    monkeypatch.setattr(StepCache, '_make', None)
    assert data[4]['inputs'].shape[-2:] == (160, 120)


def test_an_image_that_was_removed_is_said_and_the_rest_is_cached(tmp_path, capsys):
    folder = write_prepared(tmp_path / 'set', 3)
    steps = [{'type': name} for name in ('ReadMammogram', 'MapIntensity', 'PackMammogram')]
    data = MammographyDataset(data_root=str(folder), pipeline=steps, cache={})
    (folder / 'images' / '01.png').unlink()

    assert fill_caches({'train': data}, 0)['train'][''] == 2
    assert '01.png: No such file' in capsys.readouterr().out
