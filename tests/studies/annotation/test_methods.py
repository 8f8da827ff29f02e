"""Orders of the methods: strata in proportion, the uncertain first, one image of each cluster."""

from collections import Counter

import numpy as np
import pytest

from mmseg_mammo.errors import MammoError
from mmseg_mammo.studies.annotation.methods import clustered, quotas, stratified, uncertain
from mmseg_mammo.studies.annotation.seen import Seen


def rng(seed=0):
    return np.random.default_rng(seed)


def test_every_beginning_of_a_random_order_holds_sides_and_views_in_proportion():
    seen = [Seen(str(n), True, 0.1, 'LEFT', 'CC') for n in range(60)]
    seen += [Seen(str(n), True, 0.1, 'RIGHT', 'MLO') for n in range(60, 80)]
    seen += [Seen('normal', False, 0.1)]
    marked, others = stratified(seen, 20, 1, rng())
    for length in (8, 20, 40):
        sides = Counter(seen[one.place].laterality for one in marked[:length])
        assert abs(sides['RIGHT'] - length / 4) <= 1
    assert [seen[one.place].key for one in others] == ['normal']
    again = stratified(seen, 20, 1, rng(1))[0]
    assert [one.place for one in again] != [one.place for one in marked]
    assert sorted(one.place for one in again) == [*range(80)]


def test_the_uncertain_come_first_and_noise_falls_from_round_to_round():
    seen = [Seen(str(n), n % 2 == 0, 0.01 * (n + 1)) for n in range(40)]

    def inversions(number):
        total = 0
        for seed in range(20):
            order = [one.place for one in uncertain(seen, 10, number, rng(seed))[1]]
            total += sum(a < b for i, a in enumerate(order) for b in order[i:])
        return total

    early, late, last = inversions(1), inversions(3), inversions(12)
    assert early > 1.5 * late > 1.5 * last
    lesions, everything = uncertain(seen, 10, 12, rng())
    assert everything[0].place == 39
    assert all(seen[one.place].lesion for one in lesions)
    assert lesions[0].score == pytest.approx(0.39)


def test_a_draw_is_in_proportion_to_the_square_of_the_entropy_in_the_first_round():
    seen = [Seen('a', True, 0.3), Seen('b', True, 0.1)]
    first = Counter(uncertain(seen, 1, 1, rng(seed))[1][0].place for seed in range(2000))
    assert first[0] / 2000 == pytest.approx(0.9, abs=0.03)  # 9 to 1


def blobs(sizes):
    generator = rng(5)
    centres = generator.normal(size=(len(sizes), 32)) * 10
    return [
        Seen(f'{c}-{n}', True, 0.1, features=tuple(centre + generator.normal(size=32) * 0.1))
        for c, (centre, size) in enumerate(zip(centres, sizes, strict=True))
        for n in range(size)
    ]


def test_one_image_of_each_cluster_comes_first_the_largest_cluster_before_the_others():
    seen = blobs([3, 12, 6])
    (queue,) = clustered(seen, 3, 1, rng())
    first = [seen[one.place].key.split('-')[0] for one in queue[:3]]
    assert first == ['1', '2', '0']
    assert queue[0].why == 'cluster of 12 images, number 1 from its middle'
    inside = np.array([one.features for one in seen if one.key.startswith('1-')])
    nearest = np.linalg.norm(inside - inside.mean(axis=0), axis=1).argmin()
    assert seen[queue[0].place].key == f'1-{nearest}'
    assert sorted(one.place for one in queue) == [*range(21)]


def test_clusters_with_an_annotated_image_come_last():
    seen = blobs([3, 12, 6])
    covered = [seen[5].features]  # of the largest
    (queue,) = clustered(seen, 2, 1, rng(), covered)
    assert [seen[one.place].key.split('-')[0] for one in queue[:2]] == ['2', '0']


def test_fewer_images_than_clusters_and_equal_ones_are_no_fault():
    same = [Seen(str(n), True, 0.1, features=(1.0,) * 32) for n in range(3)]
    assert len(clustered(same, 20, 1, rng())[0]) == 3


def test_a_model_without_features_is_refused():
    with pytest.raises(MammoError, match='no features'):
        clustered([Seen('a', True, 0.1)], 1, 1, rng())


def test_two_thirds_are_to_have_marks():
    assert quotas('random', 20) == quotas('entropy', 20) == [13, 7]
    assert quotas('clusters', 7) == [7]
