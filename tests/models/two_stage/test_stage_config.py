from mmseg_mammo.models.two_stage.stage_config import without_files


def test_no_file_is_named_and_all_else_stays():
    settings = {
        'type': 'A',
        'pretrained': 'sam.pth',
        'backbone': {
            'module': {'pretrained': 'vit.pth', 'width': 4},
            'init_cfg': {'type': 'Pretrained', 'checkpoint': 'x.pth'},
        },
        'embedding_cache': 'folder',
        'heads': [{'init_cfg': {'type': 'Normal', 'std': 0.01}}, {'pretrained': None}],
    }
    found = without_files(settings)
    assert found == {
        'type': 'A',
        'pretrained': None,
        'backbone': {'module': {'pretrained': None, 'width': 4}, 'init_cfg': None},
        'embedding_cache': None,
        'heads': [{'init_cfg': {'type': 'Normal', 'std': 0.01}}, {'pretrained': None}],
    }
    assert found.backbone.module.width == 4  # mmseg reads attributes
    assert settings['pretrained'] == 'sam.pth'
