"""A model's scores on annotated images, its temperature, and what is refused."""

import copy
import shutil
from dataclasses import replace

import numpy as np
import pytest
from experiments import shrink
from prepared_sets import drop_masks

from mmseg_mammo.engine.config.test_output import use_test_output
from mmseg_mammo.engine.validation.logit_counts import PROBE
from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.calibration.look import (
    annotations,
    best_temperature,
    calibrated,
    check_model,
    look,
    scores_at,
)
from mmseg_mammo.io.image_keys import source_of_cuts
from mmseg_mammo.io.index import INDEX_NAME, read_index, write_index


def test_scores_are_those_that_the_model_cuts(cfg, model):
    seen = look(model, cfg, ['val', 'test'], 1.0)
    assert seen.lesion.tolist() == [True, False, True, False]
    assert seen.patients.tolist() == ['test/C', 'test/C', 'test/D', 'test/D']
    assert set(seen.sources) == {'test'}
    assert seen.logits.sum() == 4 * 80 * 64
    expected = look(model, cfg, ['test'], 1.0).scores
    assert np.array_equal(seen.scores[2:], expected)


def test_cuts_are_of_the_patient_of_their_image(cfg, model, prepared, tmp_path):
    data = shutil.copytree(prepared, tmp_path / 'data')
    first, *others = [row for row in read_index(data / INDEX_NAME) if row.split == 'val']
    cuts = replace(first, source=source_of_cuts(first.source, 'crop'))
    write_index(data / INDEX_NAME, [cuts, *others])
    ours = copy.deepcopy(cfg)
    ours.test_dataloader.dataset.data_root = str(data)
    seen = look(model, ours, ['val'], 1.0)
    assert seen.patients.tolist() == ['test/C', 'test/C']
    assert set(seen.sources) == {'test', 'test, lesion-free crops'}


def test_a_temperature_is_the_models_own_and_left_as_it_was(cfg, model):
    before = model.test_output
    one, two = (look(model, cfg, ['val'], temperature) for temperature in (1.0, 2.5))
    assert model.test_output is before
    assert scores_at(one, 1.0, 2.5) == pytest.approx(two.scores, rel=1e-3)
    assert not np.allclose(one.scores, two.scores)


def test_the_temperature_is_fitted_to_the_pixels_of_all_images(cfg, model):
    temperature, seen, _ = calibrated(model, cfg, ['val', 'test'])

    def loss(value):
        found = look(model, cfg, ['val', 'test'], PROBE).logits
        middles = (np.arange(found.shape[1]) + 0.5) * 0.02 - 64
        losses = np.logaddexp(0, middles / value) @ found[0]
        return losses + np.logaddexp(0, -middles / value) @ found[1]

    assert loss(temperature) < min(loss(0.9 * temperature), loss(1.1 * temperature))
    assert np.array_equal(seen.scores, look(model, cfg, ['val', 'test'], temperature).scores)
    for before in (1.0, 2.5):
        former = calibrated(model, cfg, ['val', 'test'], before)[2]
        assert former == pytest.approx(look(model, cfg, ['val', 'test'], before).scores, abs=1e-5)


def test_normal_images_alone_leave_the_temperature(cfg, model, monkeypatch):
    monkeypatch.setattr(
        'mmseg_mammo.inference.calibration.look.annotations', lambda *_: ['normal', 'normal']
    )
    temperature, seen, former = calibrated(model, cfg, ['val'])
    assert temperature == 1
    assert np.array_equal(seen.scores, former)
    former = calibrated(model, cfg, ['val'], 2.5)[2]
    assert former == pytest.approx(look(model, cfg, ['val'], 2.5).scores, rel=1e-3)
    seen.logits[1] = 0
    assert best_temperature(seen) == 1


def test_an_image_label_is_an_image_with_a_lesion_and_has_no_pixels(model, prepared, tmp_path):
    folder = drop_masks(prepared, tmp_path / 'mixed', 'images/4.png')
    labelled = shrink('unet_cbis', folder, 'work')
    use_test_output(labelled, temperature=1.0)
    seen = look(model, labelled, ['val', 'test'], 1.0)
    assert seen.lesion.tolist() == [True, False, True, False]
    assert seen.logits.sum() == 3 * 80 * 64
    assert annotations(labelled, ['val']) == ['lesion', 'normal']
    assert calibrated(model, labelled, ['val'])[0] == 1  # no lesion pixels to fit it to


def test_a_split_without_annotated_images_is_refused_by_name(cfg, prepared, tmp_path):
    assert annotations(cfg, ['val', 'test']) == ['lesion', 'normal', 'lesion', 'normal']
    lines = (prepared / 'index.csv').read_text().splitlines()
    kept = [lines[0], *(line for line in lines[1:] if ',train,' in line)]
    (tmp_path / 'index.csv').write_text('\n'.join(kept) + '\n')
    other = shrink('unet_cbis', tmp_path, 'work')
    with pytest.raises(MammoError, match=r'--split val: .* has no annotated image .*: train'):
        annotations(other, ['val'])


def test_a_sam_that_is_told_where_to_look_has_no_threshold(cfg):
    check_model(cfg)
    with pytest.raises(MammoError, match='prompts come from the truth'):
        check_model(shrink('sam_finetune_cbis', 'data', 'work'))
