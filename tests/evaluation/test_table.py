from mmseg_mammo.evaluation.overlap import Overlap, summarise
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
    line = format_table(scores, records('contour'), None).splitlines()[7]
    assert '50.00 % at IoU 0.1 and – % by centre; false positives per image 0.25' in line
    assert 'Hausdorff 95 % 12.3 px, surface Dice 60.50 %' in line


def test_weak_masks_and_phantoms_are_named():
    assert 'NOTE' not in format_table(SCORES, records('contour'), None)
    assert 'masks are weak' in format_table(SCORES, records('contour', 'weak'), None)
    assert 'synthetic phantoms' in format_table(SCORES, records('phantom'), None)


def test_the_grid_is_named():
    assert 'the prepared masks' in format_table(SCORES, records('contour'), None)
    assert '224×224' in format_table(SCORES, records('contour'), (224, 224))
