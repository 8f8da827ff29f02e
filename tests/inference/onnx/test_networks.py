"""Networks that are exported: grey levels in, normalised inside as the data preprocessor does."""

import torch

from mmseg_mammo.engine.checkpoint import load_model
from mmseg_mammo.inference.onnx.networks import Decoder, Encoder, Normalised, WholeNetwork


@torch.no_grad()
def test_normalisation_is_that_of_the_data_preprocessor(unet, sam):
    image = torch.rand(2, 3, 32, 32) * 255
    for checkpoint in (unet, sam):
        model = load_model(None, checkpoint)
        expected = model.data_preprocessor({'inputs': [*image]})['inputs']
        torch.testing.assert_close(Normalised(model).normalise(image), expected)
    model.data_preprocessor._enable_normalize = False
    torch.testing.assert_close(Normalised(model).normalise(image), image)


@torch.no_grad()
def test_a_network_names_what_it_takes_and_gives(unet, sam):
    whole = WholeNetwork(load_model(None, unet), (32, 32))
    logits, probability = whole(torch.zeros(2, 3, 32, 32))
    assert (logits.shape, probability.shape) == ((2, 1, 32, 32), (2, 32, 32))
    assert whole.outputs == ('logits', 'probability')
    model = load_model(None, sam)
    embedding = Encoder(model)(torch.zeros(1, 3, 32, 32))
    decoder = Decoder(model)
    example = decoder.example()
    assert embedding.shape == example[0].shape
    assert len(example) == len(Decoder.inputs)
    masks, iou, low = decoder(*example)
    assert (masks.shape, iou.shape, low.shape) == ((1, 3, 32, 32), (1, 3), (1, 3, 8, 8))
