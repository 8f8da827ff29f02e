"""The card of a model: from its record, and from the tests of this very checkpoint."""

from records import RECORD, two_stages

from mmseg_mammo.reporting.cards.card import render_card
from mmseg_mammo.reporting.cards.model import model_card
from mmseg_mammo.reporting.cards.selection import select_tests
from mmseg_mammo.reporting.runs import find_runs

LIMIT = 'No test of this checkpoint was given'


def page(record=RECORD, runs=None):
    return render_card('Model', model_card(record, 'c' * 64, runs), {})


def test_the_record_fills_the_fields():
    text = page()
    for line in (
        'InputGridEncoderDecoder, trained on 4 mammograms of 2 patients.',
        'Epoch 3, step 6, of a training by mmseg_mammo 9.9.9. SHA-256 ' + 'c' * 64,
        'probability is above 0.5',
        '| train | 4 | 2 | 3 lesion, 1 normal | 4 phantom | 4 test | bbbbbbbbbbbb |',
        '| ViT-L\\_16.npz | pretrained | Apache-2.0 | google-research/vision\\_transformer |',
        'lesion_dice 61.25; no estimate for other images',
        'Licence of the images: test: unknown.',
        '- Trained on phantoms',
        'input 224×224 pixels by Resize',
        f'- {LIMIT}',
    ):
        assert line in text
    assert 'data/cbis_ddsm' not in text  # nor any other folder
    assert 'weights/' not in text


def test_training_images_without_a_mask_are_a_limit():
    data = {**RECORD['trained_on']['train'], 'image_labels': 2}
    said = '- 2 training images have no mask: they say that there is a lesion, and not where.'
    assert said in page({**RECORD, 'trained_on': {'train': data}})
    assert 'have no mask' not in page()


def test_a_model_that_closes_images_says_when_and_why():
    chosen = {'presence_threshold': 0.25, 'target': 'sensitivity=0.95', 'lesion': 40, 'normal': 8}
    text = page({**RECORD, 'presence': {**chosen, 'auroc': 0.8125}})
    assert 'not above 0.25 gets an empty mask. That was chosen for sensitivity=0.95' in text
    assert 'on 40 images with a lesion and 8 normal ones' in text
    assert 'AUROC of presence is 0.812' in text
    assert 'Images that it closes' not in page()


def test_an_unknown_licence_is_a_limit():
    base = RECORD['base'][0] | {'file': '/x/mine.pth', 'licence': 'unknown'}
    assert '- The licence of mine.pth, which it began from, is unknown.' in page(
        RECORD | {'base': [base]}
    )
    assert 'None: trained from scratch.' in page(RECORD | {'base': []})


def test_what_a_record_need_not_have_may_be_missing():
    few = RECORD | {'trained_on': {'train': {'type': 'Mine', 'images': 5}}, 'best_score': {}}
    few |= {'images': RECORD['images'] | {'count': 0, 'quantiles': {}}}
    text = page(few)
    assert 'trained on 5 mammograms.' in text
    assert 'Licence of the images: unknown.' in text
    assert '- No training image is known to be normal' in text


def test_scores_by_stratum_are_those_of_its_own_tests(tested):
    runs = select_tests(find_runs([tested.parents[1]]), tested, RECORD)
    assert {test.model for test in runs.tests} == {'setr_pup_vpt'}
    assert runs.datasets == ('cbis_ddsm', 'zgt')
    assert (
        'of another checkpoint'
        in dict(runs.left_out)[tested.parents[1] / 'unet_cbis' / '20260102_000000']
    )
    text = page(runs=runs)
    assert LIMIT not in text
    assert 'Tests: `20260102_000000` on cbis_ddsm, `20260103_000000` on zgt.' in text
    for title in ('Results on zgt', 'zgt by view', 'Lesions of zgt', 'cbis\\_ddsm by density'):
        assert f'**{title}**' in text
    assert 'FROC' not in text
    assert '| unet' not in text


def test_of_two_stages_each_has_its_parts_and_its_recipe():
    record = two_stages()
    record['config']['model'] |= {
        'finder': {'backbone': {'type': 'UNet'}},
        'refiner': {'image_encoder': {'type': 'SAMImageEncoder'}},
    }
    record['stages']['refiner']['config'] = {'train_cfg': {'max_epochs': 77}}
    text = page(record)
    assert 'TwoStageSegmentor, finder backbone UNet, refiner image encoder SAMImageEncoder' in text
    assert 'Training recipe of the finder' in text
    assert '| longest training | max\\_epochs 77 |' in text.partition('recipe of the refiner')[2]
