"""The choice: random share, patients, sides of the split, seeds."""

from collections import Counter

import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.annotation.choose import Settings, choose
from mmseg_mammo.studies.annotation.seen import Seen
from mmseg_mammo.studies.annotation.sides import kept_for_test


def archive(patients=40, each=4):
    """Images P/N; every second patient has marks on all of them."""
    return [
        Seen(f'{p}/{n}', p % 2 == 0, 0.001 * p, ('LEFT', 'RIGHT')[n % 2], features=(float(p),) * 3)
        for p in range(patients)
        for n in range(each)
    ]


def patient(key):
    return key.split('/')[0]


@pytest.mark.parametrize('method', ['random', 'entropy', 'clusters'])
def test_patients_give_a_few_images_each_to_one_side(method):
    found = choose(archive(), Settings(method, 20, 2, 0.2), patient)
    assert len({one.seen.key for one in found}) == 20
    assert [one.for_test for one in found] == [True] * 4 + [False] * 16
    counts = Counter(patient(one.seen.key) for one in found)
    assert max(counts.values()) <= 2
    sides = {(patient(one.seen.key), one.for_test) for one in found}
    assert len(sides) == len(counts)
    if method != 'clusters':
        assert sum(one.seen.lesion for one in found[4:]) == 11  # 0.66 of 16


def test_the_share_for_testing_is_the_same_whatever_the_method_and_differs_by_seed():
    def tested(method, seed):
        found = choose(archive(), Settings(method, 20, seed=seed), patient)
        return [one.seen.key for one in found if one.for_test]

    assert tested('random', 0) == tested('entropy', 0) == tested('clusters', 0)
    assert tested('random', 0) != tested('random', 1)


def test_the_share_for_testing_is_plain_random():
    """Images with marks are a tenth of the archive, and of what is drawn for testing."""
    seen = [Seen(f'{n}/0', n % 10 == 0, 0.1) for n in range(400)]
    found = [choose(seen, Settings(count=50, random_share=1, seed=s), patient) for s in range(20)]
    share = sum(one.seen.lesion for each in found for one in each) / 1000
    assert all(one.for_test for each in found for one in each)
    assert share == pytest.approx(0.1, abs=0.03)


@pytest.mark.parametrize('method', ['random', 'entropy'])
def test_the_share_for_testing_stays_a_fair_sample_in_later_rounds(method):
    """Of what a method has left over it would be none: that takes images with marks first."""
    drawn = []
    for seed in range(40):
        seen = [Seen(f'{seed}-{n}/0', n % 10 < 3, 0.1 + n % 10) for n in range(150)]
        sides = {}
        for number in range(1, 6):
            free = [one for one in seen if patient(one.key) not in sides]
            found = choose(free, Settings(method, 20, 2, 0.2, number, seed), patient, sides)
            own = {True: 'test', False: 'train'}
            sides.update((patient(one.seen.key), own[one.for_test]) for one in found)
            if number > 3:
                drawn += [one.seen.lesion for one in found if one.for_test]
    assert sum(drawn) / len(drawn) == pytest.approx(0.3, abs=0.06)


@pytest.mark.parametrize('method', ['random', 'entropy', 'clusters'])
def test_nobody_that_a_method_passed_over_is_tested_later(method):
    """It takes two images each of few patients, so that those who are free are fewer in each round."""
    for seed in range(10):
        seen = [
            Seen(f'{seed}-{p}/{n}', p % 3 == 0, 0.01 * p, features=(float(p),))
            for p in range(60)
            for n in range(4)
        ]
        names = {patient(one.key): 4 for one in seen}
        first, sides = kept_for_test(names, 12), {}
        for number in range(1, 6):
            found = choose(seen, Settings(method, 20, 2, 0.2, number, seed), patient, sides)
            taken = {one.seen.key: one.for_test for one in found}
            assert sum(taken.values()) == 4
            assert {patient(key) for key in taken if taken[key]} <= first
            assert first.isdisjoint(patient(key) for key in taken if not taken[key])
            seen = [one for one in seen if one.key not in taken]
            sides.update((patient(key), 'test' if own else 'train') for key, own in taken.items())


def test_patients_with_annotated_images_stay_on_their_side():
    sides = {str(p): 'test' if p < 20 else 'train' for p in range(40)}
    for seed in range(5):
        found = choose(archive(), Settings(seed=seed, random_share=0.5), patient, sides)
        assert {(one.for_test, int(patient(one.seen.key)) < 20) for one in found} == {
            (True, True),
            (False, False),
        }


def test_too_few_patients_give_fewer_images_and_none_of_the_other_share():
    found = choose(archive(6, 4), Settings(count=20, per_patient=1, random_share=0.2), patient)
    assert Counter(one.for_test for one in found) == {True: 1, False: 5}
    only_tested = choose(
        archive(6, 4), Settings(random_share=0.2), patient, dict.fromkeys('012345', 'test')
    )
    assert [one.for_test for one in only_tested] == [True] * 4


@pytest.mark.parametrize('each', [1, 3])
@pytest.mark.parametrize('method', ['random', 'entropy'])
def test_a_small_archive_keeps_its_share_for_testing_in_every_round(method, each):
    """Of sixty patients, of each hash: twenty images a round, until there are no more."""
    for name in range(20):
        seen = [
            Seen(f'{name}-{p}/{n}', p % 3 == 0, 0.1 + p % 7) for p in range(60) for n in range(each)
        ]
        sides, number = {}, 0
        while seen and number < 20:
            number += 1
            found = choose(seen, Settings(method, 20, 2, 0.2, number), patient, sides)
            taken = {one.seen.key: one.for_test for one in found}
            seen = [one for one in seen if one.key not in taken]
            for_test = sum(taken.values())
            sides.update((patient(key), 'test' if own else 'train') for key, own in taken.items())
            if number <= 60 * each / 20 - each:
                assert (len(taken), for_test) == (20, 4)
        assert not seen


def test_few_images_that_are_left_beside_annotated_ones_are_divided_too():
    """No patient of the archive has to be among the fifth of all patients that a hash draws."""
    sides = {f'{p}': 'train' for p in range(100, 160)}
    for name in range(30):
        seen = [Seen(f'{name}-{p}/0', True, 0.1) for p in range(5)]
        found = choose(seen, Settings(count=20), patient, sides, before=sides)
        assert [one.for_test for one in found] == [True] + [False] * 4


def test_what_has_no_marks_is_made_up_for():
    seen = [Seen(f'{n}/0', n == 0, 0.1) for n in range(30)]
    for method in ('random', 'entropy'):
        found = choose(seen, Settings(method, 10, random_share=0), patient)
        assert len(found) == 10
        assert sum(one.seen.lesion for one in found) == 1


@pytest.mark.parametrize(
    ('options', 'said'),
    [
        ({'method': 'coreset'}, '--method coreset. Allowed: random, entropy, clusters'),
        ({'random_share': 1.5}, '--random-share 1.5. Allowed: a share from 0 to 1'),
        ({'count': 0}, '--count 0'),
        ({'per_patient': 0}, '--per-patient 0'),
        ({'number': 0}, '--round 0'),
    ],
)
def test_settings_that_mean_nothing_are_refused(options, said):
    with pytest.raises(MammoError, match=said):
        Settings(**options)
