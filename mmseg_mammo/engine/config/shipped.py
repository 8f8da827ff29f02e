"""Shipped configs: finds the folder of the configs that come with this package."""

from pathlib import Path

import mmseg_mammo


def configs_folder() -> Path:
    """The folder of the shipped configs: that of a clone, or the copy in an installed package."""
    package = Path(mmseg_mammo.__file__).parent
    clone = package.parent / 'configs'
    return clone if clone.is_dir() else package / '.mim' / 'configs'
