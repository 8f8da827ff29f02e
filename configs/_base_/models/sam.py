"""SAM with ViT-L, all of it trained (thesis IV-E): 312,342,832 trained."""

model = dict(
    type='SAMSegmentor',
    # Mean and standard deviation of SA-1B's channels, on the scale of 255.
    data_preprocessor=dict(
        type='SegDataPreProcessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=False,
        pad_val=0,
        seg_pad_val=255,
        size=(1024, 1024),
    ),
    image_encoder=dict(type='SAMImageEncoder', arch='large', img_size=1024, checkpointing=False),
    # Meta's file; docs/weights.md.
    pretrained='weights/sam_vit_l_0b3195.pth',
    # A regular expression: every parameter is trained.
    trainable='.*',
    train_prompts=dict(type='RandomPointSampler', points=1),
    test_prompts=dict(type='EDTCentreSampler'),
    # Predictions, too, are prompted with a point of the true mask.
    prompts_from='truth',
    mask_choice='predicted_iou',
    # 20 · focal + Dice + IoU loss, all of the one candidate with the lowest sum (thesis III-B).
    loss=dict(type='BestMaskLoss', select_by='mask+iou', iou_for='best'),
)
# Of several processes: the embeddings of prompts that are not given get no gradient. SAM's fourth
# mask, for unambiguous prompts, has no loss: the gradients of its layers are zero. (Its token has
# some, for the other tokens look at it.) None of this decays: schedules/sam.py.
find_unused_parameters = True
