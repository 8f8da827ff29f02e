"""How well candidates are ranked: those of many images, by the finder's score or after both stages.

Pure functions over ``lesions_test.csv`` and ``candidates_test.csv``.
"""

from collections import defaultdict

import numpy as np

from mmseg_mammo.io.run_folder import Records

# What candidates are ranked by -> its column of candidates_test.csv.
RANKINGS = {'both stages': 'score', "the finder's score": 'finder_score'}


def candidate_detections(
    images: Records, lesions: Records, candidates: Records, by: str
) -> Records:
    """Candidates as detections for :func:`.froc` by the criterion ``centre``: a peak in a lesion.

    All candidates count, kept or not: what is kept is a threshold of the score, and of the count.

    Args:
        images: One line for each image that counts; candidates of others are left out.
        lesions: Of ``lesions_test.csv``.
        candidates: Of ``candidates_test.csv``.
        by: Column of the score.

    Returns:
        One line for each true lesion, whose ``centre_match`` is the number of the candidate with the
        highest score in it, and for each candidate.
    """
    own = candidates.where(np.isin(candidates['key'], images['key']))
    true = lesions.where(lesions['kind'] == 'true')
    surest: dict[tuple[str, float], float] = {}
    for place in np.argsort(own[by], kind='stable'):  # the last one has the highest score
        surest[own['key'][place], own['centre_match'][place]] = own['number'][place]
    named = zip(true['key'].tolist(), true['number'].tolist(), strict=True)
    match = np.array([surest.get(each, np.nan) for each in named], float)
    both = {
        'kind': (true['kind'], np.full(len(own), 'detection')),
        'key': (true['key'], own['key']),
        'number': (true['number'], own['number']),
        'score': (np.full(len(true), np.nan), own[by]),
        'centre_match': (match, own['centre_match']),
    }
    return Records({name: np.concatenate(parts) for name, parts in both.items()})


def places_of_lesions(lesions: Records, candidates: Records, by: str) -> np.ndarray:
    """At which place of the ranking each of T true lesions is found, T float; infinite for none.

    Place 1 is the candidate of the image with the highest score. A candidate finds the lesions of
    which its crop holds at least half.

    Args:
        lesions: Of ``lesions_test.csv``; its true ones, in their order.
        candidates: Of ``candidates_test.csv``.
        by: Column of the score; of equal ones the earlier line goes first.
    """
    first: dict[tuple[str, int], int] = {}
    count: defaultdict[str, int] = defaultdict(int)
    for line in np.argsort(-candidates[by], kind='stable'):
        key = str(candidates['key'][line])
        count[key] += 1
        for number in str(candidates['holds'][line]).split():
            first.setdefault((key, int(number)), count[key])
    true = lesions.where(lesions['kind'] == 'true')
    named = zip(true['key'].tolist(), true['number'].astype(int).tolist(), strict=True)
    return np.array([first.get(each, np.inf) for each in named], float)


def most_candidates(candidates: Records) -> int:
    """The largest number of candidates that an image has."""
    return int(candidates['number'].max(initial=0))
