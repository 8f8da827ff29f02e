"""What stands on two sides, by patient, breast, view and image."""

from pathlib import Path

from mmseg_mammo.preparation.split_audit.entries import Entry, make_entry
from mmseg_mammo.preparation.split_audit.leaks import count_known, find_leaks
from mmseg_mammo.preparation.split_audit.read import SplitFile


def leaks(*entries, against=(), **options):
    others = [SplitFile(Path('other.csv'), list(against), 0)] if against else []
    found = find_leaks([SplitFile(Path('a.csv'), list(entries), 0)], others, **options)
    return {(leak.kind, *leak.sides): (leak.found, leak.total) for leak in found}


def image(split, name, **cells):
    return make_entry(split, {'name': name, **cells})


def test_a_clean_split_has_none():
    assert leaks(image('train', 'a', patient='1'), image('test', 'b', patient='2')) == {}


def test_one_patient_with_other_breasts_views_and_images():
    first = Entry('train', 'a', '1', 'LEFT', 'CC')
    patient = ('patient', 'train', 'test')
    right = Entry('test', 'b', '1', 'RIGHT', 'CC')
    assert leaks(first, right, Entry('test', 'c', '2')) == {patient: (('1',), 2)}
    found = leaks(first, Entry('test', 'b', '1', 'LEFT', 'MLO'))
    assert found == {patient: (('1',), 1), ('breast', 'train', 'test'): (('1 LEFT',), 1)}
    found = leaks(first, Entry('test', 'b', '1', 'LEFT', 'CC'))
    assert found[('view', 'train', 'test')] == (('1 LEFT CC',), 1)


def test_patients_whose_identifiers_look_the_same():
    entries = [Entry('train', patient='p 007'), Entry('test', patient='P7')]
    expected = {('patient spelt alike', 'train', 'test'): (('P7 = p 007',), 1)}
    assert leaks(*entries) == expected
    assert leaks(*entries, Entry('test', patient='p 007')).keys() == {('patient', 'train', 'test')}


def test_what_is_not_known_is_no_leak():
    assert leaks(Entry('train', 'a'), Entry('test', 'b')) == {}
    assert leaks(Entry('train', 'a', '', 'LEFT', 'CC'), Entry('test', 'b', '', 'LEFT', 'CC')) == {}


def test_images_by_name_and_uid():
    found = leaks(Entry('train', 'x/a', uid='1.2'), Entry('val', 'x/a', uid='1.2'))
    assert found == {
        ('image name', 'train', 'val'): (('x/a',), 1),
        ('image UID', 'train', 'val'): (('1.2',), 1),
    }


def test_a_name_in_two_folders_is_one_image_unless_it_is_a_common_name_or_of_another_patient():
    train, test = Entry('train', 'train/a'), Entry('test', 'test/a')
    assert leaks(train, test) == {('image name', 'train', 'test'): (('train/a = test/a',), 1)}
    assert leaks(train, test, Entry('train', 'more/a')) == {}
    assert leaks(Entry('train', 'p1/a', '1'), Entry('test', 'p2/a', '2')) == {}


def test_files_at_hand_decide(tmp_path):
    paths = [tmp_path / name for name in ('one/a.png', 'two/a.png', 'two/b.png')]
    for path, text in zip(paths, ('same', 'else', 'same'), strict=True):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    train = Entry('train', 'one/a', path=paths[0])
    named_alike, copy = Entry('test', 'two/a', path=paths[1]), Entry('test', 'two/b', path=paths[2])
    expected = {('image file', 'train', 'test'): (('one/a = two/b',), 2)}
    assert leaks(train, named_alike, copy) == expected
    assert leaks(train, named_alike, copy, contents=False) == {}


def test_copies_are_found_where_every_patient_has_a_file_of_that_name(tmp_path):
    entries = []
    for split, patient, text in (('train', '1', 'x'), ('train', '2', 'y'), ('test', '3', 'x')):
        path = tmp_path / patient / 'LCC.png'
        path.parent.mkdir()
        path.write_text(text)
        entries.append(Entry(split, f'{patient}/LCC', patient, path=path))
    assert leaks(*entries) == {('image file', 'train', 'test'): (('1/LCC = 3/LCC',), 1)}
    one, _, other = entries  # alone of their name, but of other patients
    assert ('image file', 'train', 'test') in leaks(one, other)


def test_patients_of_other_collections_are_other_people():
    one = [Entry('train', 'a', '1', dataset='A'), Entry('test', 'b', '1', dataset='B')]
    assert leaks(*one) == {}
    (kind,) = leaks(one[0], against=one[1:])
    assert kind == ('patient', 'train', 'test of other.csv')


def test_alternative_splits_are_not_compared_with_each_other():
    folds = [Entry('train', 'a', group='fold 0'), Entry('val', 'a', group='fold 1')]
    assert leaks(*folds) == {}
    found = leaks(*folds, Entry('val', 'a', group='fold 0'))
    assert list(found) == [('image name', 'fold 0: train', 'fold 0: val')]


def test_every_pair_of_splits_is_compared_in_the_order_of_use():
    names = ('test', 'fold 1', 'val', 'train', 'fold 0')
    found = leaks(*(Entry(name, patient='1') for name in names))
    assert [sides for _, *sides in found][:2] == [['train', 'val'], ['train', 'test']]
    assert len(found) == 10


def test_against_another_file_equal_splits_may_share():
    train = Entry('train', patient='1')
    assert leaks(train, against=[Entry('train', patient='1')]) == {}
    found = leaks(train, against=[Entry('test', patient='1')])
    assert found == {('patient', 'train', 'test of other.csv'): (('1',), 1)}
    found = leaks(Entry('test', patient='1'), against=[train])
    assert list(found) == [('patient', 'train of other.csv', 'test')]


def test_official_test_images_and_their_patients_do_not_serve_training():
    found = leaks(
        image('train', 'Mass-Test_P_00016_LEFT_CC'),
        image('val', 'Calc-Training_P_00017_LEFT_CC'),
        image('test', 'Mass-Test_P_00017_RIGHT_CC'),
        image('test', 'Mass-Training_P_00001_RIGHT_CC'),
    )
    assert found[('official test image', 'train')] == (('Mass-Test_P_00016_LEFT_CC',), 2)
    assert found[('official test patient', 'train')] == (('P_00016',), 2)
    assert found[('official test patient', 'val')] == (('P_00017',), 2)
    assert ('official test image', 'val') not in found


def test_official_test_patients_are_known_from_the_other_file_too():
    found = leaks(
        image('train', 'Mass-Training_P_00016_LEFT_CC'),
        against=[image('test', 'Calc-Test_P_00016_RIGHT_CC')],
    )
    assert ('official test patient', 'train') in found


def test_what_is_known_is_counted_once():
    entries = [Entry('train', 'a', '1'), Entry('train', 'b', '1', 'LEFT'), Entry('train', 'c')]
    counts = [count_known(entries, kind) for kind in ('patient', 'breast', 'image name')]
    assert counts == [1, 1, 3]
