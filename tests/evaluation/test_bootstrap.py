import numpy as np
import pytest
from scipy.stats import bootstrap, false_discovery_control, norm, permutation_test
from scipy.stats import t as student
from sklearn.metrics import roc_auc_score

from mmseg_mammo.evaluation import bootstrap as own_bootstrap
from mmseg_mammo.evaluation.bootstrap import (
    adjust,
    auroc,
    difference,
    draws,
    mean,
    ratio,
    seed_of,
    sign_flip,
    smallest_adjusted,
    tail,
)


@pytest.fixture
def data():
    """200 images of 60 patients, who differ from each other."""
    generator = np.random.default_rng(0)
    patients = generator.integers(0, 60, 200)
    values = generator.normal(size=60)[patients] + 0.2 * generator.normal(size=200)
    return values, np.char.add('P', patients.astype(str))


def clusters(values, patients):
    sums, sizes = [], []
    for patient in np.unique(patients):
        sums.append(values[patients == patient].sum())
        sizes.append((patients == patient).sum())
    return np.array(sums), np.array(sizes)


def test_the_interval_is_that_of_scipys_bootstrap_of_patients(data):
    sums, sizes = clusters(*data)
    theirs = bootstrap(
        (sums, sizes),
        lambda s, n, axis: s.sum(axis=axis) / n.sum(axis=axis),
        paired=True,
        vectorized=True,
        n_resamples=20000,
        method='percentile',
        confidence_level=1 - 2 * tail(59),
        random_state=np.random.default_rng(1),
    ).confidence_interval
    ours = mean(*data)
    assert ours.value == pytest.approx(data[0].mean())
    assert (ours.low, ours.high) == pytest.approx(tuple(theirs), abs=0.03)


def test_images_of_one_patient_make_the_interval_wider_than_those_of_many(data):
    values, patients = data
    apart = mean(values, np.arange(len(values)).astype(str))
    together = mean(values, patients)
    assert together.high - together.low > 1.3 * (apart.high - apart.low)


def test_every_draw_has_as_many_patients_as_there_are_and_all_are_as_likely():
    drawn = draws(7, 0)
    assert drawn.shape == (own_bootstrap.ROUNDS, 7)
    assert (drawn.sum(axis=1) == 7).all()
    assert drawn.mean(axis=0) == pytest.approx(1, abs=0.1)


def test_the_same_patients_are_drawn_alike_in_whatever_order_their_images_come(data):
    values, patients = data
    order = np.random.default_rng(1).permutation(len(values))
    one, other = mean(values, patients), mean(values[order], patients[order])
    assert (one.low, one.high) == pytest.approx((other.low, other.high))


def test_other_patients_are_drawn_apart(data):
    values, patients = data
    one, other = mean(values, patients), mean(values, np.char.add('other/', patients))
    assert one.low != other.low
    assert abs(np.corrcoef(one.rounds, other.rounds)[0, 1]) < 0.1


def test_percentiles_are_taken_as_far_out_as_hesterberg_has_them():
    """z · √((n − 1) / n) = t; Student's t from a table."""
    for patients, t in {5: 2.776, 8: 2.365, 10: 2.262, 20: 2.093, 51: 2.009}.items():
        z = -norm.ppf(tail(patients))
        assert z * np.sqrt((patients - 1) / patients) == pytest.approx(t, abs=0.001)
    assert tail(10**6) == pytest.approx(0.025, abs=1e-6)


def test_a_mean_of_normal_numbers_has_nearly_students_interval():
    values = np.random.default_rng(0).normal(size=8)
    found = mean(values, np.arange(8).astype(str))
    half = student.ppf(0.975, 7) * values.std(ddof=1) / np.sqrt(8)
    assert found.patients == 8
    assert found.high - found.low == pytest.approx(2 * half, rel=0.1)


def test_an_interval_knows_the_patients_that_it_hangs_on(data):
    values, patients = data
    names, lesions = np.arange(40).astype(str), (np.arange(40) < 9) * 2.0
    hits = np.where(np.arange(40) < 5, 1.0, 0.0)
    assert mean(values, patients).patients == len(set(patients)) == 59
    assert ratio(hits, lesions, names).patients == 9
    areas = auroc(lesions > 0, np.random.default_rng(0).random(40), names)
    assert areas.patients == 9
    assert areas.scale(100).patients == 9
    assert difference(mean(values, patients), areas).patients == 9
    assert areas.is_narrow
    assert not mean(values, patients).is_narrow
    assert not mean(values[:4], names[:4]).is_narrow  # there is none


def test_below_five_patients_there_is_no_interval():
    few = mean(np.array([1.0, 2.0, 6.0]), np.array(['a', 'b', 'c']))
    assert few.value == 3
    assert np.isnan([few.low, few.high]).all()


@pytest.mark.parametrize('same', [100.0, 0.0, 100 / 3])
def test_where_no_patient_differs_there_is_no_interval(same):
    names = np.arange(40).astype(str)
    values = np.full(40, same)
    alike = mean(values, names)
    assert alike.value == pytest.approx(same)
    assert np.isnan([alike.low, alike.high]).all()
    values += 1e-7 * np.random.default_rng(0).random(40)  # as β does
    assert np.isnan(mean(values, names).low)
    values[0] -= 10
    other = mean(values, names)
    assert other.low < other.value < other.high


def test_all_lesions_found_have_no_interval_however_many_each_patient_has():
    lesions = np.array([1.0, 2, 3, 1, 2, 3])
    assert np.isnan(ratio(lesions, lesions, np.arange(6).astype(str)).low)


def test_a_difference_from_a_score_that_is_always_the_same_has_an_interval(data):
    """Predicting nothing scores 0 for every patient; what differs is the model."""
    values, patients = data
    model, nothing = mean(values, patients), mean(np.zeros(len(values)), patients)
    found = difference(model, nothing)
    assert (found.low, found.high) == (model.low, model.high)


def test_without_images_there_is_no_value():
    assert np.isnan(mean(np.array([]), np.array([], dtype=str)).value)


def test_a_ratio_is_that_of_the_sums_not_the_mean_of_ratios():
    found = ratio(np.array([1.0, 0, 0]), np.array([1.0, 1, 2]), np.array(['a', 'b', 'c']))
    assert found.value == 0.25


def test_auroc_is_scikit_learns_also_with_ties():
    generator = np.random.default_rng(0)
    for _ in range(20):
        positive = generator.random(50) < 0.4
        scores = generator.integers(0, 8, 50) / 8
        ours = auroc(positive, scores, np.arange(50).astype(str))
        assert ours.value == pytest.approx(roc_auc_score(positive, scores))
        assert ours.low < ours.value < ours.high


def test_each_round_of_auroc_is_scikit_learns_with_weights():
    generator = np.random.default_rng(0)
    positive, scores = generator.random(30) < 0.5, generator.integers(0, 6, 30) / 6
    patients = np.array([f'{number // 2:02d}' for number in range(30)])
    found = auroc(positive, scores, patients).rounds
    for index in range(5):
        weights = draws(15, seed_of(np.unique(patients)))[index][np.arange(30) // 2]
        theirs = roc_auc_score(positive, scores, sample_weight=weights)
        assert found[index] == pytest.approx(theirs)


def test_auroc_of_one_kind_of_image_is_none():
    assert np.isnan(auroc(np.ones(4, bool), np.arange(4.0), np.arange(4).astype(str)).value)


def test_a_model_differs_from_itself_by_nothing(data):
    same = difference(mean(*data), mean(*data))
    assert same.value == 0
    assert np.isnan([same.low, same.high]).all()


def test_a_paired_difference_is_sharper_than_one_of_other_draws(data):
    values, patients = data
    better = mean(values + 0.1, patients)
    paired = difference(better, mean(values, patients))
    apart = difference(better, mean(values, np.char.add('other/', patients)))
    assert paired.rounds == pytest.approx(0.1)
    assert apart.high - apart.low > 0.2


def test_the_permutation_test_is_scipys_over_patients():
    generator = np.random.default_rng(0)
    patients = np.array([f'{number // 2:02d}' for number in range(24)])
    differences = generator.normal(0.4, 1, (24, 2))
    for column, ours in zip(differences.T, sign_flip(differences, patients), strict=True):
        sums, _ = clusters(column, patients)
        theirs = permutation_test(
            (sums, np.zeros_like(sums)),
            lambda x, y, axis: (x - y).sum(axis=axis),
            permutation_type='samples',
            vectorized=True,
            n_resamples=np.inf,
        ).pvalue
        assert ours == pytest.approx(theirs, abs=0.02)


def test_equal_models_are_not_told_apart():
    assert sign_flip(np.zeros((10, 1)), np.arange(10).astype(str)) == pytest.approx(1)


def test_two_images_of_a_patient_are_no_better_evidence_than_one():
    one = sign_flip(np.ones((6, 1)), np.arange(6).astype(str))
    two = sign_flip(np.ones((12, 1)), np.repeat(np.arange(6), 2).astype(str))
    assert one == pytest.approx(2 / 64, abs=0.01)
    assert two == pytest.approx(one, abs=0.01)


def test_p_values_are_adjusted_for_any_dependence():
    p_values = np.array([0.001, 0.02, 0.5])
    assert adjust(p_values) == pytest.approx(false_discovery_control(p_values, method='by'))
    # By hand: 0.001 · 3 · (1 + 1/2 + 1/3).
    assert adjust(p_values)[0] == pytest.approx(0.0055)
    assert not len(adjust(np.array([])))


def test_the_smallest_p_values_by_hand():
    smallest = sign_flip(np.ones((40, 1)), np.arange(40).astype(str))[0]
    assert smallest == 0.00001
    harmonic = 1 + 1 / 2 + 1 / 3 + 1 / 4
    assert smallest_adjusted(4) == pytest.approx((0.00004 * harmonic, 0.00001 * harmonic))
    assert adjust(np.array([1, smallest, 1, 1]))[1] == pytest.approx(0.00004 * harmonic)


def test_a_share_of_what_four_patients_have_has_no_interval_however_many_others_there_are():
    patients = np.arange(40).astype(str)
    lesions = (np.arange(40) < 4) * 2.0
    hits = np.where(np.arange(40) < 2, 1.0, 0.0)
    found = ratio(hits, lesions, patients)
    assert found.value == 0.25
    assert np.isnan(found.low)
    assert not np.isnan(ratio(hits, (np.arange(40) < 5) * 2.0, patients).low)
    # The same of a score whose denominator all images are in.
    assert np.isnan(ratio(hits, lesions + 1, patients, lesions > 0).low)


@pytest.mark.parametrize('sign', [1, -1])
def test_auroc_with_four_patients_of_a_kind_has_no_interval(sign):
    scores, patients = np.random.default_rng(0).random(40), np.arange(40).astype(str)
    kind = sign * np.arange(40)
    assert np.isnan(auroc(kind < np.sort(kind)[4], scores, patients).low)
    assert not np.isnan(auroc(kind < np.sort(kind)[5], scores, patients).low)
