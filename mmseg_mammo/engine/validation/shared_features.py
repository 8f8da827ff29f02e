"""Shared features: what a model's encoder gave for a batch serves a second call on that batch."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


@contextmanager
def encode_once(model: Any) -> Iterator[None]:
    """Inside, ``model.extract_feat`` keeps its last features and gives them again for equal inputs.

    For the first images of a batch alone it gives their part of the features. What a caller has
    changed in place is encoded anew. For a model without such a method nothing happens.

    Args:
        model: Out of its wrapper, in eval mode.
    """
    encode = getattr(model, 'extract_feat', None)
    if encode is None:
        yield
        return
    last: list[Any] = []  # inputs, features, versions of the tensors of both

    def extract_feat(inputs: Tensor) -> Any:
        if last:
            kept, features, versions = last
            if versions == _versions([kept, features]) and _begins_with(kept, inputs):
                return _first(features, len(inputs))
            last.clear()
        features = encode(inputs)
        if _tensors(features):
            last.extend((inputs, features, _versions([inputs, features])))
        return features

    model.extract_feat = extract_feat
    try:
        yield
    finally:
        del model.extract_feat


def _begins_with(kept: Tensor, inputs: Tensor) -> bool:
    return kept.shape[1:] == inputs.shape[1:] and torch.equal(kept[: len(inputs)], inputs)


def _tensors(features: Any) -> list[Tensor]:
    """The tensors of nested lists and tuples; none where something else is among them."""
    if isinstance(features, Tensor):
        return [features]
    if not isinstance(features, (list, tuple)):
        return []
    parts = [_tensors(part) for part in features]
    return [tensor for part in parts for tensor in part] if all(parts) else []


def _versions(features: Any) -> list[int]:
    return [tensor._version for tensor in _tensors(features)]


def _first(features: Any, count: int) -> Any:
    """Features of the first ``count`` images, in new lists; all of them as they are."""
    if isinstance(features, Tensor):
        return features if len(features) == count else features[:count]
    return type(features)(_first(part, count) for part in features)
