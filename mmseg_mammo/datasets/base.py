"""The dataset class behind every hospital: it reads an ``index.csv``."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, ClassVar

from mmseg.datasets import BaseSegDataset
from mmseg.registry import DATASETS

from mmseg_mammo.errors import DataIndexError
from mmseg_mammo.preparation.index import INDEX_NAME, SPLITS, Row, read_index


@DATASETS.register_module()
class MammographyDataset(BaseSegDataset):
    """Mammograms with binary lesion masks, one item per row of an index.

    Dataset format: ``data_root/index.csv`` as described in ``docs/data.md``; images are grey
    PNG (8 or 16 bit) or DICOM files, masks are PNG files with 0 as background.

    Dataset classes: 0 background, 1 lesion. All abnormality classes are one class.

    Every item carries the index's columns (``patient_id``, ``view``, ``finding``, …), so that
    metrics can name and group images. ``seg_map_path`` is None for images that have no mask:
    ``annotated`` tells a normal image (an empty truth) from one that nobody annotated.

    Args:
        split: ``'train'``, ``'val'`` or ``'test'``.
        finding: Keep only images with this finding (``'mass'`` keeps ``'mass+calcification'``
            too). Normal images are kept as well: they have no finding to choose by.
        views: Keep only these views, e.g. ``('MLO',)``.
        annotated_only: Leave out images that nobody annotated. Training and evaluation need it.
        ann_file: Name of the index below ``data_root``.
        kwargs: See ``mmseg.datasets.BaseSegDataset``.

    Raises:
        DataIndexError: The index breaks its contract, or no row passes the filters.
    """

    METAINFO: ClassVar[dict] = {
        'classes': ('background', 'lesion'),
        'palette': [[0, 0, 0], [230, 159, 0]],
    }

    def __init__(
        self,
        split: str = 'train',
        finding: str | None = None,
        views: Sequence[str] | None = None,
        annotated_only: bool = True,
        ann_file: str = INDEX_NAME,
        **kwargs: Any,
    ) -> None:
        if split not in SPLITS:
            raise DataIndexError(f'split {split!r}', ', '.join(SPLITS))
        self.split = split
        self.finding = finding
        self.views = tuple(views) if views else None
        self.annotated_only = annotated_only
        super().__init__(ann_file=ann_file, **kwargs)

    def load_data_list(self) -> list[dict]:
        """Read, check and filter the index; one dict per image."""
        rows = read_index(Path(self.ann_file))
        kept = [row for row in rows if self._keeps(row)]
        if not kept:
            raise DataIndexError(
                f'{self.ann_file}: none of its {len(rows)} rows passes split={self.split!r}, '
                f'finding={self.finding!r}, views={self.views}, '
                f'annotated_only={self.annotated_only}',
                f'splits in it: {", ".join(sorted({row.split for row in rows}))}; findings: '
                f'{", ".join(sorted({row.finding or "(none)" for row in rows}))}',
                'Change the filters of the dataset in the config',
            )
        return [self._item(row) for row in kept]

    def _keeps(self, row: Row) -> bool:
        return (
            row.split == self.split
            and (self.views is None or row.view in self.views)
            and (not self.annotated_only or row.annotated != 'no')
            and (
                self.finding is None
                or row.annotated == 'normal'
                or self.finding in row.finding.split('+')
            )
        )

    def _item(self, row: Row) -> dict:
        root = Path(self.ann_file).parent
        return {
            **asdict(row),
            'img_path': str(root / row.image),
            'seg_map_path': str(root / row.mask) if row.mask else None,
            'label_map': self.label_map,
            'reduce_zero_label': self.reduce_zero_label,
            'seg_fields': [],
        }
