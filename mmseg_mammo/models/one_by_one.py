"""Predictions one by one: of a batch, only one image at a time is on the grid of its original."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, overload

from mmseg.structures import SegDataSample

# Puts the prediction of an image, which has this number in the batch, into its sample.
Complete = Callable[[int, SegDataSample], Any]


class OneByOne(Sequence[SegDataSample]):
    """The predictions of a batch, each made from the network's logits when it is asked for.

    Sixteen originals of 4000×3000 pixels have 1.5 GB of logits of two channels, those of a network
    of 224×224 pixels 6 MB. The sample that was asked for last is kept, so that a batch of one image
    is predicted once, whoever looks at it; what is written into it may be lost.

    Args:
        samples: Of the batch, without predictions; they stay so.
        complete: Puts the prediction into a copy of a sample.
    """

    def __init__(self, samples: Sequence[SegDataSample], complete: Complete) -> None:
        self._samples = samples
        self._complete = complete
        self._last: tuple[int, SegDataSample] | None = None

    def __len__(self) -> int:
        return len(self._samples)

    @overload
    def __getitem__(self, index: int) -> SegDataSample: ...

    @overload
    def __getitem__(self, index: slice) -> list[SegDataSample]: ...

    def __getitem__(self, index: int | slice) -> SegDataSample | list[SegDataSample]:
        """The sample with its prediction; of a slice all of them at once, in a list."""
        numbers = range(len(self))[index]
        if isinstance(numbers, range):
            return [self[number] for number in numbers]
        if self._last is None or self._last[0] != numbers:
            self._last = None  # its memory is free before the next one needs it
            sample = self._samples[numbers].new()
            self._complete(numbers, sample)
            self._last = numbers, sample
        return self._last[1]

    def __iter__(self) -> Iterator[SegDataSample]:
        return (self[number] for number in range(len(self)))

    def where(self, wanted: Callable[[SegDataSample], bool]) -> Iterator[SegDataSample]:
        """Predictions of the samples that ``wanted`` is true for; it sees no predictions."""
        return (self[number] for number, s in enumerate(self._samples) if wanted(s))


def where(
    outputs: Sequence[SegDataSample] | None, wanted: Callable[[SegDataSample], bool]
) -> Iterator[SegDataSample]:
    """The outputs of a step that ``wanted`` is true for; of others nothing is predicted.

    Args:
        outputs: As a hook gets them.
        wanted: Looks at what a sample was loaded with.
    """
    if isinstance(outputs, OneByOne):
        return outputs.where(wanted)
    return filter(wanted, outputs or ())


@contextmanager
def one_by_one(model: Any) -> Iterator[None]:
    """Let ``predict`` of an :class:`.InputGrid` give :class:`OneByOne` instead of a list."""
    model.one_by_one = True
    try:
        yield
    finally:
        model.one_by_one = False
