"""Pre-trained ViT files in the formats of timm and of google-research/vision_transformer."""

import numpy as np
from timm.models.vision_transformer import VisionTransformer as TimmViT

WIDTH, HEADS, DEPTH = 32, 4, 3
ARCH = {
    'embed_dims': WIDTH,
    'num_layers': DEPTH,
    'num_heads': HEADS,
    'feedforward_channels': 2 * WIDTH,
}


def timm_vit():
    return TimmViT(
        img_size=64, embed_dim=WIDTH, depth=DEPTH, num_heads=HEADS, mlp_ratio=2, num_classes=7
    ).eval()


def jax_arrays():
    """Random weights under the names and shapes of google-research/vision_transformer."""
    rng = np.random.default_rng(0)
    size = WIDTH // HEADS

    def draw(*shape):
        return rng.normal(0, 0.2, shape).astype(np.float32)

    arrays = {
        'cls': draw(1, 1, WIDTH),
        'embedding/kernel': draw(16, 16, 3, WIDTH),
        'embedding/bias': draw(WIDTH),
        'Transformer/posembed_input/pos_embedding': draw(1, 17, WIDTH),
        'Transformer/encoder_norm/scale': draw(WIDTH),
        'Transformer/encoder_norm/bias': draw(WIDTH),
        'pre_logits/kernel': draw(WIDTH, WIDTH),
        'pre_logits/bias': draw(WIDTH),
        'head/kernel': draw(WIDTH, 7),
        'head/bias': draw(7),
    }
    for layer in range(DEPTH):
        block = f'Transformer/encoderblock_{layer}'
        attention = f'{block}/MultiHeadDotProductAttention_1'
        for norm in ('LayerNorm_0', 'LayerNorm_2'):
            arrays[f'{block}/{norm}/scale'] = draw(WIDTH)
            arrays[f'{block}/{norm}/bias'] = draw(WIDTH)
        for part in ('query', 'key', 'value'):
            arrays[f'{attention}/{part}/kernel'] = draw(WIDTH, HEADS, size)
            arrays[f'{attention}/{part}/bias'] = draw(HEADS, size)
        arrays[f'{attention}/out/kernel'] = draw(HEADS, size, WIDTH)
        arrays[f'{attention}/out/bias'] = draw(WIDTH)
        for dense, (inside, outside) in enumerate([(WIDTH, 2 * WIDTH), (2 * WIDTH, WIDTH)]):
            arrays[f'{block}/MlpBlock_3/Dense_{dense}/kernel'] = draw(inside, outside)
            arrays[f'{block}/MlpBlock_3/Dense_{dense}/bias'] = draw(outside)
    return arrays
