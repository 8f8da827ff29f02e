"""Images that a model learned from: who is warned of them."""

from mmseg_mammo.inference.calibration.learned import note_on_learned

TRAIN = {'split': 'train', 'index_sha256': 'a1'}


def record_of(train, **more):
    return {'trained_on': {'train': train, 'val': {'split': 'val', 'index_sha256': 'v1'}}, **more}


def test_a_split_that_was_trained_on_is_warned_of():
    [note] = note_on_learned(record_of(TRAIN), 'a1', ['train', 'test'])
    assert note.startswith('WARNING: the model learned from images of train, on which')
    assert note_on_learned(record_of(TRAIN), 'a1', ['val', 'test']) == ()
    assert note_on_learned(record_of(TRAIN), 'b2', ['train']) == ()  # of another hospital
    assert note_on_learned(record_of(TRAIN), 'v1', ['train']) == ()
    assert note_on_learned(None, 'a1', ['train']) == ()


def test_a_part_is_of_its_folder_and_folds_learn_from_val_too():
    part = record_of({'split': 'train', 'index_sha256': 'p', 'part_of': 'a1'})
    assert note_on_learned(part, 'a1', ['train'])
    assert not note_on_learned(part, 'a1', ['val'])
    [note] = note_on_learned({**part, 'few': {'steps': 9}}, 'a1', ['train', 'val'])
    assert 'images of train and val' in note


def test_a_start_that_folds_kept_learned_what_it_had_learned_before():
    assert not note_on_learned(record_of(TRAIN, few={'kept': 'start'}), 'a1', ['val'])
    assert note_on_learned(record_of(TRAIN, few={'kept': 'start'}), 'a1', ['train'])
    assert note_on_learned(record_of(TRAIN, few={'kept': 'tuned'}), 'a1', ['val'])
    part = {'split': 'train', 'index_sha256': 'p', 'part_of': 'a1'}  # tuned twice, then kept
    assert note_on_learned(record_of(part, few={'kept': 'start'}), 'a1', ['val'])


def test_the_model_that_never_saw_an_image_predicts_it():
    assert note_on_learned(record_of(TRAIN, folds={'count': 5}), 'a1', ['train', 'val']) == ()


def test_members_and_added_folders_count():
    several = {'type': 'ConcatDataset', 'members': [{**TRAIN, 'index_sha256': 'c3'}, TRAIN]}
    assert note_on_learned(record_of(several), 'a1', ['train'])
    added = {**TRAIN, 'normal_sources': [{'data_root': 'x', 'index_sha256': 'n4'}]}
    assert note_on_learned(record_of(added), 'n4', ['train'])
