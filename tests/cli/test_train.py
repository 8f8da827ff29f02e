"""``train``: what a training leaves, resuming, several processes."""

import csv
import hashlib

import pytest
import torch
from experiments import Kill, shrink
from few_tunings import write_start
from mmengine.runner import Runner
from tool_calls import (
    CBIS,
    OURS,
    TRAINING,
    ZGT,
    call,
    forked,
    options,
    run_of,
    torchrun,
)

from mmseg_mammo.cli.train import keep_cards
from mmseg_mammo.engine import work_dir


def test_training_leaves_last_and_best_checkpoint_log_and_records(trained):
    assert (trained / 'epoch_1.pth').is_file()
    assert (trained / 'best_lesion_dice_epoch_1.pth').is_file()
    log = next(trained.glob('*/*.log')).read_text()
    assert 'Parameters: 36,721 total, 3,769 trained' in log
    (table,) = trained.glob('*/per_image_val.csv')
    assert len(list(csv.DictReader(table.open()))) == 2
    assert not [*trained.glob('*/lesions_*.csv'), *trained.glob('*/viewer')]


def test_the_model_card_lies_beside_the_best_checkpoint(trained):
    text = (trained / 'card.md').read_text()
    assert '# Model card: setr_pup_vpt_cbis' in text
    assert hashlib.sha256((trained / 'best.pth').read_bytes()).hexdigest() in text


def test_the_card_follows_the_best_checkpoint_and_is_there_after_a_kill(prepared, tmp_path):
    """As soon as there is a best checkpoint, and again when a killed training goes on."""

    def training(resume=False):
        cfg = shrink('unet_cbis', prepared, tmp_path, epochs=3)
        cfg.resume = resume
        runner = Runner.from_cfg(cfg)
        keep_cards(runner)
        return runner

    runner = training()
    runner.register_hook(Kill(1))
    with pytest.raises(KeyboardInterrupt):
        runner.train()
    card, best = tmp_path / 'card.md', tmp_path / 'best.pth'
    assert hashlib.sha256(best.read_bytes()).hexdigest() in card.read_text()
    card.unlink()
    training(resume=True).train()
    assert hashlib.sha256(best.read_bytes()).hexdigest() in card.read_text()


def test_a_card_of_somebody_is_kept_and_said_and_stops_no_training(prepared, tmp_path):
    card = tmp_path / 'card.md'
    card.write_text('Mine')
    runner = Runner.from_cfg(shrink('unet_cbis', prepared, tmp_path, epochs=2))
    write = keep_cards(runner)
    runner.train()
    write(tmp_path / 'best.pth')
    assert card.read_text() == 'Mine'
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert log.count('No model card: ') == 1
    assert 'was not written by this program' in log


def test_a_training_without_validation_ends_with_a_card_and_says_how_to_score_it(
    prepared, tmp_path, monkeypatch
):
    off = ['val_dataloader=None', 'val_cfg=None', 'val_evaluator=None', 'train_cfg.max_epochs=1']
    off += ['default_hooks.checkpoint.save_best=None', 'param_scheduler=None']
    arguments = [CBIS, '--work-dir', tmp_path, '--cfg-options']
    call(monkeypatch, OURS / 'train.py', *arguments, *options(prepared, 'train', 'test'), *off)
    digest = hashlib.sha256((tmp_path / 'epoch_1.pth').read_bytes()).hexdigest()
    assert digest in (tmp_path / 'card.md').read_text()
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert f'no score yet. Images of the split test: mammoseg test {tmp_path}/epoch_1.pth' in log


def test_a_second_training_does_not_overwrite_the_first(trained, prepared, monkeypatch):
    before = (trained / 'epoch_1.pth').read_bytes()
    arguments = [CBIS, '--work-dir', trained, '--cfg-options', *options(prepared, *TRAINING)]
    with pytest.raises(SystemExit, match=r'^error: .*would be overwritten.*--resume'):
        call(monkeypatch, OURS / 'train.py', *arguments)
    assert (trained / 'epoch_1.pth').read_bytes() == before


def test_training_resumes_and_moves_prompts_and_head_alone(
    trained, prepared, tmp_path, monkeypatch
):
    (tmp_path / 'epoch_1.pth').symlink_to(trained / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / 'epoch_1.pth'))
    arguments = [CBIS, '--work-dir', tmp_path, '--resume', '--cfg-options']
    small = [*options(prepared, *TRAINING), 'train_cfg.max_epochs=2']
    call(monkeypatch, OURS / 'train.py', *arguments, *small)
    log = next(tmp_path.glob('*/*.log')).read_text()
    assert 'Epoch(train) [2][1/2]' in log
    assert 'Epoch(train) [1][1/2]' not in log
    before, after = (
        torch.load(folder / f'epoch_{epoch}.pth', weights_only=False)['state_dict']
        for folder, epoch in ((trained, 1), (tmp_path, 2))
    )
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert 'decode_head.conv_seg.weight' in moved
    assert {name for name in moved if name.startswith('backbone')} == {'backbone.prompts'}


@pytest.mark.slow
def test_a_training_is_resumed_as_it_began_and_from_its_own_checkpoint(
    trained, prepared, tmp_path, monkeypatch
):
    """Where load_from names the file that it once started from, that is not gone on with."""
    (tmp_path / 'epoch_1.pth').symlink_to(trained / 'epoch_1.pth')
    (tmp_path / 'last_checkpoint').write_text('/where/it/was/epoch_1.pth')
    small = [*options(prepared, *TRAINING), 'train_cfg.max_epochs=2']
    arguments = [CBIS, '--work-dir', tmp_path, '--resume', '--cfg-options', *small]
    for more, said in (
        (['optim_wrapper.optimizer.lr=1'], r'lr is 1, was 0\.0001'),
        (['train_dataloader.dataset.finding=mass'], 'finding is mass, was None'),
        (['--side', '32'], r'size is \[32, 32\], was \[224, 224\]'),
    ):
        with pytest.raises(SystemExit, match=f'^error: --resume: another training.*{said}'):
            call(monkeypatch, OURS / 'train.py', *arguments, *more)
        for lock in work_dir._held:
            lock.release()
    call(monkeypatch, OURS / 'train.py', *arguments, f'load_from={trained / "epoch_1.pth"}')
    assert (tmp_path / 'epoch_2.pth').is_file()


@pytest.mark.parametrize('train', [forked, pytest.param(torchrun, marks=pytest.mark.slow)])
def test_two_processes_give_the_metrics_of_one(train, prepared, tmp_path, monkeypatch, free_port):
    """What two training processes found on their shares of val, one process finds on all of it.

    One of them has an image more than the other; no image is repeated.
    """
    small = [*options(prepared, *TRAINING), 'train_cfg.max_epochs=1']
    shared = ['val_dataloader.dataset.split=train', 'val_dataloader.dataset.indices=[1,2,3]']
    arguments = [CBIS, '--work-dir', tmp_path / 'two', '--cfg-options', *small, *shared]
    train(free_port, *arguments)
    one = ['--work-dir', tmp_path / 'one', '--split', 'train', '--cfg-options', *small]
    one.append('test_dataloader.dataset.indices=[1,2,3]')
    call(monkeypatch, OURS / 'test.py', CBIS, tmp_path / 'two' / 'epoch_1.pth', *one)
    tables = [tmp_path.glob('two/*/per_image_val.csv'), tmp_path.glob('one/*/per_image_test.csv')]
    two, one = (
        {record['image']: record for record in csv.DictReader(next(table).open())}
        for table in tables
    )
    assert sorted(two) == sorted(one) == ['images/1.png', 'images/2.png', 'images/3.png']
    for image, record in one.items():
        assert two[image]['predicted_pixels'] == record['predicted_pixels']
        expected = pytest.approx(float(record['max_probability']), rel=1e-5)
        assert float(two[image]['max_probability']) == expected


def test_one_and_two_processes_have_the_same_loss_on_the_same_batch(
    prepared, tmp_path, monkeypatch, free_port
):
    """Batches of four against two of two, over two steps. Group norm, whose statistics are those
    of an image: batch norm over processes is for GPUs only."""
    cfg = shrink('unet_cbis', prepared, tmp_path, epochs=2)
    group_norm = dict(type='GN', num_groups=2)
    cfg.model.backbone.norm_cfg = cfg.model.decode_head.norm_cfg = group_norm
    cfg.model.decode_head.dropout_ratio = 0
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.5)
    cfg.dump(tmp_path / 'small.py')
    size = 'train_dataloader.batch_size'
    one = [tmp_path / 'small.py', '--work-dir', tmp_path / 'one', '--cfg-options', f'{size}=4']
    call(monkeypatch, OURS / 'train.py', *one)
    two = [tmp_path / 'small.py', '--work-dir', tmp_path / 'two', '--cfg-options', f'{size}=2']
    forked(free_port, *two)
    losses = [run_of(tmp_path / folder)['losses'] for folder in ('one', 'two')]
    assert len(losses[0]) == 2
    assert losses[0][0] > losses[0][1]
    assert losses[1] == pytest.approx(losses[0], rel=1e-5, abs=1e-6)


@pytest.mark.skipif(
    torch.__version__ < '2.4' and not torch.cuda.is_available(),
    reason='FSDP of torch before 2.4 is for GPUs only',
)
def test_a_model_split_over_two_processes_trains_as_a_whole_one(
    prepared, tmp_path, monkeypatch, free_port
):
    """FSDP: the same losses, whole checkpoints that a plain model loads, true parameter counts.

    One process has a validation image less than the other, and must not leave it alone.
    """
    cfg = shrink('setr_pup_finetune_fsdp_cbis', prepared, tmp_path, epochs=2)
    cfg.val_dataloader.batch_size = 1
    cfg.val_dataloader.dataset.update(split='train', indices=3)
    cfg.model.backbone.drop_rate = 0  # each process draws its own
    cfg.model.decode_head.norm_cfg = dict(type='GN', num_groups=2)
    cfg.optim_wrapper.optimizer = dict(type='SGD', lr=0.5)
    cfg.dump(tmp_path / 'split.py')
    for name in ('strategy', 'runner_type'):
        cfg.pop(name)
    cfg.dump(tmp_path / 'whole.py')
    one = [tmp_path / 'whole.py', '--work-dir', tmp_path / 'whole']
    call(monkeypatch, OURS / 'train.py', *one, '--cfg-options', 'train_dataloader.batch_size=4')
    forked(free_port, tmp_path / 'split.py', '--work-dir', tmp_path / 'split')
    runs = [run_of(tmp_path / name) for name in ('whole', 'split')]
    assert runs[0]['losses'][0] > runs[0]['losses'][1]
    assert runs[1]['losses'] == pytest.approx(runs[0]['losses'], rel=1e-5, abs=1e-6)
    assert len(runs[0]['validation']) == 2
    assert runs[1]['validation'] == pytest.approx(runs[0]['validation'], rel=1e-4)
    (table,) = (tmp_path / 'split').glob('*/per_image_val.csv')
    images = [record['image'] for record in csv.DictReader(table.open())]
    assert images == ['images/0.png', 'images/1.png', 'images/2.png']
    assert runs[1]['parameters'] == runs[0]['parameters']
    states = [
        torch.load(tmp_path / name / 'epoch_2.pth', weights_only=False)['state_dict']
        for name in ('whole', 'split')
    ]
    assert states[0].keys() == states[1].keys()
    for name, value in states[0].items():
        assert torch.allclose(value, states[1][name], atol=1e-5), name


def test_a_split_model_needs_several_processes(prepared, tmp_path, monkeypatch):
    shrink('setr_pup_finetune_fsdp_cbis', prepared, tmp_path).dump(tmp_path / 'split.py')
    with pytest.raises(SystemExit, match=r'FSDPStrategy with a single process.*dist_train\.sh'):
        call(monkeypatch, OURS / 'train.py', tmp_path / 'split.py', '--work-dir', tmp_path)


def test_a_config_without_training_says_so(tmp_path, monkeypatch):
    with pytest.raises(SystemExit, match=r'^error: .*zgt\.py has no training'):
        call(monkeypatch, OURS / 'train.py', ZGT, '--work-dir', tmp_path)


def test_a_training_with_a_cache_learns_the_same_and_no_checkpoint_tells_of_it(
    prepared, tmp_path, monkeypatch, capfd
):
    found = []
    for name, places in (
        ('none', ['--cache-dir', 'none']),
        ('first', ['--cache-dir', tmp_path / 'pixels', '--cache-limit', '1GB']),
        ('second', ['--cache-dir', tmp_path / 'pixels']),
    ):
        arguments = [CBIS, '--work-dir', tmp_path / name, *places, '--cfg-options']
        small = [*options(prepared, *TRAINING), 'train_cfg.max_epochs=1']
        call(monkeypatch, OURS / 'train.py', *arguments, *small)
        checkpoint = torch.load(tmp_path / name / 'epoch_1.pth', weights_only=False)
        found.append(checkpoint['state_dict'])
        assert 'pixels' not in str(checkpoint)
        said = capfd.readouterr().out
        assert said.count(f'Cache: {tmp_path / "pixels"}') == (name != 'none')

    assert (tmp_path / 'pixels').is_dir()
    for other in found[1:]:
        assert all(torch.equal(found[0][key], other[key]) for key in found[0])


def test_a_tuning_goes_from_a_checkpoint_to_one_and_on(prepared, tmp_path, monkeypatch):
    start = write_start(tmp_path, 'unet_cbis', prepared)
    work = tmp_path / 'work'
    words = ['few/unet_full', '--from', start, '--data', prepared, '--work-dir', work]
    words += ['--folds', 0]
    small = [f'{split}_dataloader.{key}' for split in TRAINING for key in ('num_workers=0',)]
    small += [f'{split}_dataloader.persistent_workers=False' for split in TRAINING]
    small += ['train_dataloader.batch_size=2', 'param_scheduler=None']
    for more in ([], ['--resume']):
        steps = f'train_cfg.max_iters={4 if more else 2}'
        call(monkeypatch, OURS / 'train.py', *words, *more, '--cfg-options', *small, steps)
        work_dir._held.pop().release()  # as the end of a process does
    assert (work / 'iter_4.pth').is_file()
    assert 'tuned from' in (work / 'card.md').read_text()
    logs = ''.join(file.read_text() for file in sorted(work.glob('*/*.log')))  # one, of one second
    assert 'nothing is new' in logs
    assert 'Advance dataloader 2 steps' in logs


@pytest.mark.parametrize(
    ('words', 'said'),
    [
        (['few/unet_full'], '--from CHECKPOINT is missing'),
        (['few/unet_full', '--from', 'START'], '--data FOLDER is missing'),
        (['few/unet_full', '--from', 'START', '--data', 'DATA', '--side', '64'], '--side 64'),
        (['unet_cbis', '--from', 'START', '--data', 'DATA'], 'few/unet_full'),
        (['unet_cbis', '--new-head'], 'no effect without --from'),
        (['few/setr_vpt', '--from', 'START', '--data', 'DATA'], 'few/unet_full'),
        (['few/unet_full', '--from', 'START', '--data', 'nowhere'], r'nowhere.index\.csv'),
    ],
)
def test_a_tuning_that_cannot_be_is_refused_in_a_line(words, said, prepared, tmp_path, monkeypatch):
    start = write_start(tmp_path, 'unet_cbis', prepared)
    words = [{'START': start, 'DATA': prepared}.get(word, word) for word in words]
    with pytest.raises(SystemExit, match=f'^error: .*{said}'):
        call(monkeypatch, OURS / 'train.py', *words, '--work-dir', tmp_path / 'work')
