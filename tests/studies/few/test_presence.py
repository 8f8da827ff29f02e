"""Presence of a tuning: its threshold stays that of the start, and that is said."""

from few_tunings import write_start
from fold_trainings import tune
from mmengine.config import Config

from mmseg_mammo.cli.info_few import few_lines
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.studies.few.presence import presence_facts, presence_in_words


def test_a_model_without_presence_has_none():
    assert presence_facts(Config(dict(model=dict(type='InputGridEncoderDecoder')))) == {}


def test_what_closes_nothing_is_said_so():
    assert presence_in_words({}) == ''
    said = presence_in_words({'presence_threshold': 0.0})
    assert said.startswith('. The presence threshold, 0, is that of the start, and closes no image')


def test_output_record_and_info_say_that_it_is_that_of_the_start(prepared, tmp_path, capsys):
    def change(cfg):
        cfg.model.test_output = dict(threshold=0.5, presence_threshold=0.25)

    start = write_start(tmp_path / 'start', 'absence/unet_absence_cbis', prepared, change=change)
    tune('few/unet_full', start, prepared, tmp_path / 'work')
    assert 'The presence threshold, 0.25, is that of the start' in capsys.readouterr().out
    best = tmp_path / 'work' / 'best.pth'
    assert read_stored_config(best).model.test_output.presence_threshold == 0.25
    assert read_record(best)['few']['presence_threshold'] == 0.25
    [(_, text)] = few_lines(read_record(best))
    assert 'the presence threshold, 0.25, is that of the start' in text


def test_what_is_said_of_closed_images_is_what_users_get(prepared, tmp_path):
    def change(cfg):
        cfg.model.test_output = dict(threshold=0.5, presence_threshold=1.0)  # closes all of them

    start = write_start(tmp_path / 'start', 'absence/unet_absence_cbis', prepared, change=change)
    tune('few/unet_full', start, prepared, tmp_path / 'work')
    few = read_record(tmp_path / 'work' / 'best.pth')['few']
    assert few['start_dice']['value'] == few['tuned_dice']['value'] == 0
    assert [marks['all'] for marks in few['false_marks'].values()] == [0, 0, 0]
