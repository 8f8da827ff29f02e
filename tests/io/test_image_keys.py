from mmseg_mammo.io.image_keys import image_keys, origin_of, source_of_cuts


def test_a_key_is_the_source_and_the_path_without_suffix():
    assert image_keys([('zgt', 'images/P1_L CC.v2.png')]) == {
        ('zgt', 'images/P1_L CC.v2.png'): 'zgt_images_P1_L_CC.v2'
    }


def test_images_that_would_share_a_key_are_told_apart():
    pairs = [
        *[('a', '1 2.png'), ('a', '1_2.png'), ('a', '1_2.dcm')],
        *[('a', '3.png'), ('b', '3.png'), ('A', '4.png'), ('a', '4.png')],
    ]
    keys = image_keys(pairs)
    assert len({key.casefold() for key in keys.values()}) == len(pairs)
    assert keys['a', '3.png'] == 'a_3'
    assert keys['a', '1_2.dcm'].startswith('a_1_2-')


def test_every_process_finds_the_same_keys_in_any_order():
    pairs = [('a', '1 2.png'), ('a', '1_2.png'), ('b', '1.png')]
    assert image_keys(pairs) == image_keys(pairs[::-1]) == image_keys(dict.fromkeys(pairs))


def test_a_key_never_leaves_its_folder():
    (key,) = image_keys([('../s', '/etc/../x.png')]).values()
    assert '/' not in key


def test_the_source_of_cuts_tells_that_of_its_patients():
    for kind in ('crop', 'side'):
        assert origin_of(source_of_cuts('a, b', kind)) == 'a, b'
    assert source_of_cuts('a', 'side') == 'a, lesion-free sides'
