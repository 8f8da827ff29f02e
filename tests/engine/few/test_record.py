"""Record of a tuning, as ``info`` and the card say it."""

from few_tunings import tune, tuning, write_start

from mmseg_mammo.cli.info import summary
from mmseg_mammo.engine.few.record import describe_tuning
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.files import sha256
from mmseg_mammo.models.peft.trainable import count_parameters
from mmseg_mammo.reporting.cards.recipe import recipe_table


def test_info_and_card_say_what_it_started_from_and_what_was_trained(prepared, tmp_path):
    start = write_start(tmp_path, 'unet_cbis', prepared)
    runner = tune(tuning('unet_head', start, prepared, tmp_path / 'work'))
    total, trained = count_parameters(runner.model)
    record = read_record(tmp_path / 'work' / 'best.pth')
    digest = sha256(start)
    assert record['tuning'] == {
        'start': {'name': 'unet_cbis', 'sha256': digest},
        'parameters': total,
        'trained': trained,
        'new': [],
    }
    said = dict(summary(record))['tuned from']
    assert said == f'unet_cbis (SHA-256 {digest}); trained {trained:,} of {total:,} parameters'
    rows = {row[0]: row[1] for row in recipe_table(record['config'], record['tuning']).rows}
    assert rows['trained parameters'] == f'{trained:,} of {total:,}'
    assert [base['role'] for base in record['base']] == ['pretrained']
    assert record['base'][0]['sha256'] == digest


def test_another_training_has_none():
    assert describe_tuning({'default_hooks': {}}, None) == {}
