"""The recipe of a training, from its config."""

from mmseg_mammo.reporting.cards.recipe import recipe_table

CONFIG = {
    'train_cfg': {'type': 'LossEpochLoop', 'max_epochs': 60},
    'train_dataloader': {
        'batch_size': 8,
        'dataset': {'pipeline': [{'type': 'RandomFlip', 'prob': 0.5}, {'type': 'Pack'}]},
    },
    'optim_wrapper': {
        'type': 'AmpOptimWrapper',
        'optimizer': {'type': 'Adam', 'betas': (0.9, 0.99)},
    },
    'randomness': {'seed': 0},
    'model': {'decode_head': {'loss_decode': {'type': 'CrossEntropyLoss'}}},
}


def test_the_settings_are_those_of_the_config():
    rows = dict(recipe_table(CONFIG).rows)
    assert rows == {
        'longest training': 'max_epochs 60',
        'batch size per process': 'batch_size 8',
        'optimiser': 'optimizer Adam(betas=(0.9, 0.99))',
        'precision and accumulation': 'type AmpOptimWrapper',
        'learning rate': 'unknown',
        'seed': 'seed 0',
        'loss': 'CrossEntropyLoss',
        'augmentation': 'RandomFlip(prob=0.5), Pack',
    }


def test_the_loss_of_a_sam_and_several_data_sets_are_found():
    several = {'datasets': [{'pipeline': [{'type': kind}]} for kind in ('Flip', 'Flip', 'Turn')]}
    found = dict(
        recipe_table(
            {
                'model': {'loss': {'type': 'BestMaskLoss', 'focal_weight': 20.0}},
                'train_dataloader': {'batch_size': 1, 'dataset': several},
            }
        ).rows
    )
    assert found['loss'] == 'BestMaskLoss(focal_weight=20.0)'
    assert found['augmentation'] == 'Flip; Turn'


def test_a_config_of_another_kind_leaves_them_unknown():
    assert {value for _, value in recipe_table({'model': {}}).rows} == {'unknown'}
