"""Base segmentor: gives a model without backbone and heads the interface of MMSegmentation."""

from typing import Any

from mmseg.models.segmentors import BaseSegmentor

from mmseg_mammo.errors import MammoError


class HostSegmentor(BaseSegmentor):
    """A binary segmentor of two output channels that sees the whole image at once.

    Args:
        train_cfg: As of mmseg's segmentors, which read nothing in it either.
        test_cfg: ``dict(mode='whole')``, or None.
        kwargs: ``data_preprocessor`` and ``init_cfg``; see mmseg's ``BaseSegmentor``.

    Raises:
        MammoError: ``test_cfg`` asks for something else, such as sliding windows.
    """

    align_corners = False  # when postprocess_result resizes
    num_classes = 2
    out_channels = 2

    def __init__(
        self,
        *,
        train_cfg: dict[str, Any] | None = None,
        test_cfg: dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        asked = dict(test_cfg or {})
        if asked.pop('mode', 'whole') != 'whole' or asked:
            raise MammoError(
                f'test_cfg={dict(test_cfg or {})} of {type(self).__name__}',
                "dict(mode='whole'): its prompts are of the whole image",
                'Take model.test_cfg out of the config',
            )
        self.train_cfg = train_cfg
        self.test_cfg = test_cfg
