import numpy as np

from mmseg_mammo.evaluation.candidates import candidate_columns, summarise_candidates
from mmseg_mammo.evaluation.overlap import Overlap, overlap, summarise
from mmseg_mammo.evaluation.table import format_table


def records(*kinds):
    return [{'mask_kind': kind, 'source': 'zgt', 'split': 'test'} for kind in kinds]


SCORES = summarise([Overlap(10, 10, 5), Overlap(0, 0, 0)], [0.9, 0.2])


def test_rows_show_counts_and_scores():
    lines = format_table(SCORES, records('contour'), None).splitlines()
    assert lines[0] == 'source zgt, split test'
    assert lines[2].split() == ['all', '2', '66.67', '75.00']
    assert lines[3].split() == ['lesion', '1', '33.33', '50.00']
    assert lines[4].split() == ['normal', '1', '100.00', '100.00']
    assert lines[5].split() == ['predict', 'nothing', '2', '50.00', '50.00']
    assert 'specificity 100.00 %' in lines[6]
    assert 'AUROC 1.000' in lines[6]


def test_what_is_not_known_is_a_dash():
    table = format_table(summarise([Overlap(1, 1, 1)], [1.0]), records('contour'), None)
    assert 'nan' not in table
    assert 'AUROC –' in table


def test_lesions_have_a_line_if_they_were_looked_at():
    assert 'lesions found' not in format_table(SCORES, records('contour'), None)
    names = ('lesion_sensitivity_iou10', 'lesion_sensitivity_centre', 'false_positives_per_image')
    scores = SCORES | dict(zip(names, (50.0, float('nan'), 0.25), strict=True))
    scores |= {'lesion_hausdorff95': 12.34, 'lesion_surface_dice': 60.5}
    scores['lesion_hausdorff95_mm'] = float('nan')
    line = format_table(scores, records('contour'), None).splitlines()[7]
    assert '50.00 % at IoU 0.1 and – % by centre; false positives per image 0.25' in line
    assert 'Hausdorff 95 % 12.3 px, surface Dice 60.50 %' in line
    scores['lesion_hausdorff95_mm'] = 1.234
    line = format_table(scores, records('contour'), None).splitlines()[7]
    assert 'Hausdorff 95 % 12.3 px (1.23 mm), surface Dice 60.50 %' in line


def test_weak_masks_and_phantoms_are_named():
    assert 'NOTE' not in format_table(SCORES, records('contour'), None)
    assert 'masks are weak' in format_table(SCORES, records('contour', 'weak'), None)
    assert 'synthetic phantoms' in format_table(SCORES, records('phantom'), None)


def test_weak_masks_among_contours_are_counted():
    mixed = [*records('weak', 'contour', 'contour'), *records('contour')]
    states = ('lesion', 'lesion', 'lesion', 'normal')
    mixed = [r | {'annotated': state} for r, state in zip(mixed, states, strict=True)]
    assert 'NOTE: 1 of 3 masks are weak (boxes' in format_table(SCORES, mixed, None)
    assert 'NOTE: masks are weak (boxes' in format_table(SCORES, [mixed[0], mixed[3]], None)


def test_image_labels_are_counted_and_are_no_masks():
    mixed = records('weak', 'contour', 'image-label')
    mixed = [r | {'annotated': 'lesion'} for r in mixed]
    text = format_table(SCORES | {'image_label_images': 1.0}, mixed, None)
    assert 'NOTE: 1 of 2 masks are weak' in text
    assert 'NOTE: 1 more images have a lesion that nobody outlined: they count in the' in text


def test_the_grid_is_named():
    assert 'the prepared masks' in format_table(SCORES, records('contour'), None)
    assert '224×224' in format_table(SCORES, records('contour'), (224, 224))


def test_candidates_stand_beside_the_kept_mask_and_the_best_in_hindsight():
    truth = np.array([[1, 1, 0, 0]], bool)
    masks = np.array([[[1, 0, 0, 0]], [[1, 1, 0, 0]]], bool)
    columns = candidate_columns(masks, truth, [0.75, 0.5], 0, overlap(masks[0], truth))
    several = candidate_columns(masks, truth, [np.nan] * 2, 0, overlap(masks[0], truth))
    found = [{'truth_pixels': 2, **one} for one in (columns, several)]
    scores = SCORES | summarise_candidates(found) | {'images': 3, 'lesion_images': 2}
    lines = format_table(scores, records('contour'), None).splitlines()
    assert lines[8].split() == ['candidate', '0', '50.00', '66.67', '50.00', '66.67']
    assert lines[10].split() == ['kept', '66.67', '75.00', '33.33', '50.00']
    assert lines[11].split()[3:] == ['100.00'] * 4
    assert 'kept candidate: off by 25.00 points, mean difference 25.00' in lines[12]
    assert lines[12].endswith('all candidates: 37.50, -12.50')
    assert lines[13].endswith('images of one object: all 1 of 3, lesion 1 of 2, normal 0 of 1')
    assert 'candidate' not in format_table(SCORES, records('contour'), None)


def test_prompts_from_the_truth_are_named():
    plain = records('contour')
    assert 'prompts' not in format_table(SCORES, plain, None)
    assert 'prompts' not in format_table(SCORES, [dict(plain[0], prompts_from='given')], None)
    table = format_table(SCORES, [dict(plain[0], prompts_from='truth')], None)
    assert 'NOTE: prompts were drawn from the true masks' in table
    assert 'do not compare' in table


def test_images_without_a_prompt_are_counted():
    prompted, *others = (dict(one, prompts_from='given') for one in records(*['contour'] * 3))
    prompted['prompt_boxes'] = '1:2:3:4'
    table = format_table(SCORES, [prompted, *others], None)
    assert table.endswith('NOTE: 2 images without a prompt: predicted empty')
    assert 'without a prompt' not in format_table(SCORES, [prompted], None)


def test_a_model_with_presence_has_a_line_with_and_without_closing():
    scores = summarise([Overlap(1, 1, 1)], [1.0])
    scores |= dict(presence_auroc=0.75, ungated_lesion_dice=40.0, ungated_specificity=float('nan'))
    text = format_table(scores, [{'closed': 1}, {'closed': 0}], None)
    assert (
        'presence AUROC 0.750; 1 of 2 images closed; with none closed lesion Dice 40.00 %, '
        'specificity – %'
    ) in text
