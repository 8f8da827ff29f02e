"""Filling of pixel caches: every image of data sets is decoded once, by several processes."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from torch.utils.data import DataLoader, Dataset

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.errors import MammoError
from mmseg_mammo.preparation.progress import show_progress


class _Filling(Dataset):
    """Caches an image when it is asked for, and gives why it is not cached."""

    def __init__(self, data: MammographyDataset) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, number: int) -> str:
        if self.data.cache is None:
            return 'no cache'
        try:
            return self.data.cache.fill(number, lambda: self.data.get_data_info(number))
        except MammoError as error:  # training says so too, of the first that it comes to
            return str(error)


def fill_caches(sets: Mapping[str, MammographyDataset], workers: int) -> dict[str, Counter[str]]:
    """See that every image is in the cache of its data set, and print how many are.

    Args:
        sets: By their names in what is printed.
        workers: Processes that decode.

    Returns:
        For each, how many images there are by why they are not cached; empty: they are.
    """
    found = {}
    for name, data in sets.items():
        loader: Any = DataLoader(_Filling(data), batch_size=None, num_workers=workers)
        found[name] = Counter(show_progress(loader, len(data), f'Cache of {name}'))
        total, reasons = len(data), {k: n for k, n in found[name].items() if k}
        print(f'{name}: {found[name][""]} of {total} images are cached')
        for reason, number in sorted(reasons.items(), key=lambda item: -item[1])[:5]:
            text = data.cache.explain(reason) if data.cache else reason
            print(f'  {number} not: {text}')
    return found
