"""How often 95 % intervals hold the truth, by simulation: the figures of docs/report.md.

Run by itself (python tests/helpers/interval_coverage.py) it prints the table; a slow test
checks it.
"""

import numpy as np
from scipy.stats import norm

from mmseg_mammo.evaluation.bootstrap import Estimate, auroc, difference, mean, ratio

PATIENTS = (5, 8, 10, 20, 50)
NUMBERS = ('mean Dice', 'lesions found', 'drop of Dice', 'AUROC')


def cohort(patients: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Dice in percent and names of 1 to 4 images of each patient; a patient's are alike.

    Many lesions are missed altogether, in some patients nearly all: the mean is 15 %, near the
    thesis's, and the distribution skewed.
    """
    owner = np.repeat(np.arange(patients), generator.integers(1, 5, patients))
    ease = generator.beta(0.5, 1, patients)[owner]
    found = generator.random(len(owner)) < 0.1 + 0.6 * ease
    dice = generator.beta(1 + 5 * ease, 1 + 5 * (1 - ease))
    return 100 * dice * found, owner.astype(str)


def lesions(patients: int, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Lesions found, lesions (1 to 3 an image) and names."""
    values, names = cohort(patients, generator)
    count = generator.integers(1, 4, len(values))
    return generator.binomial(count, 0.2 + values / 200), count, names


def images(patients: int, generator: np.random.Generator) -> tuple[np.ndarray, ...]:
    """With lesion or not, scores and names; so many patients with lesions and as many without."""
    owner = np.repeat(np.arange(2 * patients), generator.integers(1, 5, 2 * patients))
    scores = (owner < patients) + 0.7 * generator.normal(size=2 * patients)[owner]
    return owner < patients, scores + 0.7 * generator.normal(size=len(owner)), owner.astype(str)


def estimated(name: str, patients: int, generator: np.random.Generator) -> Estimate:
    """One study of so many patients (of each of two groups)."""
    if name == 'lesions found':
        return ratio(*lesions(patients, generator))
    if name == 'AUROC':
        return auroc(*images(patients, generator))
    one = mean(*cohort(patients, generator))
    if name == 'mean Dice':
        return one
    values, names = cohort(patients, generator)
    return difference(one, mean(values, np.char.add('other', names)))


def truth(name: str) -> float:
    """The value over very many patients."""
    generator = np.random.default_rng(1)
    if name == 'lesions found':
        found, count, _ = lesions(300_000, generator)
        return found.sum() / count.sum()
    if name == 'AUROC':
        return float(norm.cdf(1 / np.sqrt(2 * (0.7**2 + 0.7**2))))
    return cohort(300_000, generator)[0].mean() if name == 'mean Dice' else 0.0


def coverage(name: str, patients: int, trials: int, seed: int = 0) -> tuple[float, float]:
    """Percentage of trials whose interval holds the truth, and that of plain percentiles.

    A trial without an interval, since no patient differs from another, is left out.
    """
    generator, true = np.random.default_rng((seed, patients)), truth(name)
    held = []
    for _ in range(trials):
        found = estimated(name, patients, generator)
        if not np.isnan(found.low):
            low, high = np.nanquantile(found.rounds, (0.025, 0.975))
            held.append((found.low <= true <= found.high, low <= true <= high))
    ours, plain = 100 * np.mean(held, axis=0)
    return float(ours), float(plain)


def main() -> None:
    """Print coverage in percent: rows for each number, a column for each count of patients."""
    print('|  |', ' | '.join(map(str, PATIENTS)), '|', flush=True)
    for name in NUMBERS:
        trials = 500 if name == 'AUROC' else 2000
        pairs = zip(*(coverage(name, n, trials) for n in PATIENTS), strict=True)
        for way, row in zip(('expanded', 'plain'), pairs, strict=True):
            print(f'| {name}, {way} |', ' | '.join(f'{v:.1f}' for v in row), '|', flush=True)


if __name__ == '__main__':
    main()
