"""Inferencer: MMSegmentation's ``MMSegInferencer`` for mammograms, 16 bits and DICOM included."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mmcv.transforms import BaseTransform, Compose
from mmengine.config import Config
from mmseg.apis import MMSegInferencer
from mmseg.registry import MODELS, TRANSFORMS

from mmseg_mammo.datasets.base import MammographyDataset
from mmseg_mammo.engine.checkpoint import check_checkpoint, load_model
from mmseg_mammo.engine.config.image_steps import packs, split_steps, touches_image
from mmseg_mammo.engine.config.load import read_config
from mmseg_mammo.engine.config.stored import read_stored_config
from mmseg_mammo.engine.config.type_names import is_a, type_name
from mmseg_mammo.engine.partial_checkpoint import use_base
from mmseg_mammo.errors import DataFileError, MammoError
from mmseg_mammo.inference.pipeline import find_test_pipeline
from mmseg_mammo.inference.trained_model import follow_preparation
from mmseg_mammo.io.checkpoint_record import read_record
from mmseg_mammo.io.image import FORMATS, is_image, read_image
from mmseg_mammo.models.sam.segmentor import SAMSegmentor
from mmseg_mammo.transforms.intensity import grey_channel
from mmseg_mammo.transforms.loading import ReadMammogram
from mmseg_mammo.visualization.overlay import grey_picture

# Endings of pictures that OpenCV writes in colour; others get .png behind their name.
_WRITTEN = ('.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp')


class MammoInferencer(MMSegInferencer):
    """MMSegmentation's inferencer, called as that, on models and images of this project.

    The host's looks for a step with the name ``LoadImageFromFile``, opens pictures of 8 bits only,
    and runs the config that is in a checkpoint. Inputs are files of any format that is read here,
    a folder of them (without those below it), or arrays (H×W, H×W×1 or H×W×3 with equal channels;
    uint8 or uint16); or a list of files and arrays. Masks, names of files and arguments of a call
    are the host's; a picture of a DICOM file is named as the file, with ``.png`` behind.

    An original file is shrunk to what the model was trained on, as by ``mammoseg predict``.

    It keeps every result in memory, as the host does: for thousands of images use
    ``mammoseg predict``.

    Args:
        model: A config, its file, or the name of a shipped one; None: that in the checkpoint.
        weights: A checkpoint of this project; see :func:`.load_model`. None: random weights.
        args: See ``mmseg.apis.MMSegInferencer``.
        show_progress: Whether a bar is shown.
        options: See ``mmseg.apis.MMSegInferencer``.

    Raises:
        MammoError: No config; a SAM, which has to be told where to look; or no such device.
        CheckpointError: See :func:`.load_model`.
    """

    def __init__(
        self,
        model: str | Path | dict[str, Any] | Config | None = None,
        weights: str | Path | None = None,
        *args: Any,
        show_progress: bool = True,
        **options: Any,
    ) -> None:
        cfg = _config(model, weights)
        if is_a(cfg.model.type, SAMSegmentor, MODELS):
            raise MammoError(
                f'MammoInferencer of {type_name(cfg.model.type)}: it predicts at points or boxes, '
                'which an image alone does not have',
                'a model without prompts, such as U-Net or SETR',
                'Use mmseg_mammo.inference.SAMPredictor, which is told where to look',
            )
        record = read_record(Path(weights)) if weights is not None else None
        self._preparation = (record or {}).get('preparation') or {}
        super().__init__(cfg, str(weights) if weights else None, *args, **options)
        self.show_progress = show_progress  # MMSegmentation 1.2 has no argument for it

    def _init_model(self, cfg: Config, weights: str | None, device: str = 'cpu') -> Any:
        if weights is None:
            return super()._init_model(cfg, weights, device)
        model = load_model(cfg, weights, device)
        model.dataset_meta = dict(MammographyDataset.METAINFO)
        return model

    def _init_pipeline(self, cfg: Config) -> Callable:
        pipeline = find_test_pipeline(self.model) or cfg.get('test_pipeline') or ()
        steps = [s for s in split_steps(pipeline) if touches_image(s) or packs(s.get('type'))]
        steps = follow_preparation(steps, self._preparation)
        first = TRANSFORMS.build(steps[0]) if steps else None
        self._reading = first if isinstance(first, ReadMammogram) else ReadMammogram()
        if first is not self._reading:
            return super()._init_pipeline(cfg)
        return Compose([_Reader(first), *(TRANSFORMS.build(step) for step in steps[1:])])

    def _inputs_to_list(self, inputs: Any) -> list:
        """The files of a folder that are images, sorted; files as text; arrays as they are."""
        if isinstance(inputs, (str, Path)) and Path(inputs).is_dir():
            files = [p for p in sorted(Path(inputs).iterdir()) if p.is_file() and is_image(p)]
            if not files:
                raise DataFileError(f'{inputs}: no image in this folder', FORMATS)
            inputs = files
        several = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        return [str(one) if isinstance(one, Path) else one for one in several]

    def visualize(
        self,
        inputs: list,
        preds: Sequence[Any],
        return_vis: bool = False,
        show: bool = False,
        wait_time: int = 0,
        img_out_dir: str = '',
        opacity: float = 0.8,
        **drawing: Any,
    ) -> list[np.ndarray] | None:
        """Draw predictions on their images, as the host does; grey levels are stretched.

        Args:
            inputs: Of :meth:`_inputs_to_list`.
            preds: A sample for each.
            return_vis: Whether the pictures are returned.
            show: Whether each is shown in a window.
            wait_time: Seconds that a window stays.
            img_out_dir: Where they are written; empty: nowhere.
            opacity: Of the mask.
            drawing: See ``SegLocalVisualizer.add_datasample``.

        Returns:
            H×W×3 uint8 RGB each, if asked for.
        """
        if not (show or img_out_dir or return_vis):
            return None
        self.visualizer.set_dataset_meta(**self.model.dataset_meta)
        self.visualizer.alpha = opacity
        pictures, names = [], set()
        for one, sample in zip(inputs, preds, strict=True):
            name = self._picture_name(one)
            if name in names:  # of two folders
                name = f'{Path(name).stem}_{self.num_visualized_imgs}{Path(name).suffix}'
            names.add(name)
            self.visualizer.add_datasample(
                name,
                self._picture(one),
                sample,
                show=show,
                wait_time=wait_time,
                draw_gt=False,
                draw_pred=True,
                out_file=str(Path(img_out_dir) / name) if img_out_dir else None,
                **drawing,
            )
            if return_vis:
                pictures.append(self.visualizer.get_image())
            self.num_visualized_imgs += 1
        return pictures if return_vis else None

    def _picture_name(self, one: str | np.ndarray) -> str:
        if isinstance(one, np.ndarray):
            return f'{self.num_visualized_imgs:08d}_vis.jpg'
        name = Path(one).name
        return name if name.lower().endswith(_WRITTEN) else f'{name}.png'

    def _picture(self, one: str | np.ndarray) -> np.ndarray:
        if isinstance(one, np.ndarray):
            grey = grey_channel({'img': one})
        else:
            grey = read_image(Path(one), voi=self._reading.voi)
        picture: np.ndarray = cv2.cvtColor(grey_picture(grey, grey.shape), cv2.COLOR_GRAY2RGB)
        return picture


class _Reader(BaseTransform):
    """The host's ``InferencerLoader``, with ``ReadMammogram`` for files."""

    def __init__(self, reading: ReadMammogram) -> None:
        self.reading = reading

    def transform(self, results: str | np.ndarray) -> dict[str, Any]:
        """The image of a file, or an array as it is, with its shape."""
        if isinstance(results, np.ndarray):
            shape = results.shape[:2]
            return {'img': results, 'img_path': None, 'img_shape': shape, 'ori_shape': shape}
        return self.reading.transform({'img_path': results})


def _config(model: Any, weights: str | Path | None) -> Config:
    """The config that is given; of a checkpoint alone its own."""
    if weights is not None:
        check_checkpoint(Path(weights))  # before minutes of building
    if isinstance(model, (str, Path)):
        return read_config(model)
    if model is not None:
        return model if isinstance(model, Config) else Config(dict(model))
    if weights is None:
        raise MammoError(
            'MammoInferencer: no config, and no checkpoint to take it from',
            'a config, its file or the name of a shipped one; a checkpoint of this project',
        )
    cfg = read_stored_config(Path(weights))
    use_base(cfg, Path(weights), None)
    return cfg
