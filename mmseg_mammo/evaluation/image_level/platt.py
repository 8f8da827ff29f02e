"""Platt's calibration: a scale and a bias that make the logits of images probabilities."""

import numpy as np

# Next to no penalty: Platt's targets keep the fit finite, also where a threshold parts the labels.
_WEAK = 1e9


def fit_platt(logits: np.ndarray, positive: np.ndarray) -> tuple[float, float]:
    """The scale and the bias of the logistic regression of labels on logits.

    Targets are Platt's, (n + 1) / (n + 2) of n positive and 1 / (m + 2) of m negative images
    (Probabilistic Outputs for Support Vector Machines, 1999), so that a validation set on which the
    model makes no mistake does not make it infinitely sure.

    Args:
        logits: N finite numbers.
        positive: N bool, with both labels.

    Returns:
        Scale and bias: the probability is ``sigmoid(scale · logit + bias)``. The scale is not above
        0 where logits are no higher of positive images than of others.

    >>> scale, bias = fit_platt(np.array([-2.0, 0.0, 0.0, 2.0]), np.array([0, 0, 1, 1], bool))
    >>> scale > 0, abs(bias) < 1e-6
    (True, True)
    """
    from sklearn.linear_model import LogisticRegression  # a training need not wait for its import

    middle, spread = float(np.mean(logits)), float(np.std(logits))
    if spread == 0:
        return 0.0, 0.0
    count, rest = int(positive.sum()), int((~positive).sum())
    target = np.where(positive, (count + 1) / (count + 2), 1 / (rest + 2))
    # Each image as both labels, weighted by its target.
    twice = np.tile((logits - middle) / spread, 2)[:, None]
    labels = np.repeat([1, 0], len(logits))
    weights = np.concatenate([target, 1 - target])
    fitted = LogisticRegression(C=_WEAK, max_iter=1000, tol=1e-8).fit(twice, labels, weights)
    scale = float(fitted.coef_[0, 0]) / spread
    return scale, float(fitted.intercept_[0]) - scale * middle


def calibrate(logits: np.ndarray, scale: float, bias: float) -> np.ndarray:
    """N probabilities ``sigmoid(scale · logit + bias)``; 0 of minus infinity."""
    from scipy.special import expit

    return expit(scale * logits + bias)
