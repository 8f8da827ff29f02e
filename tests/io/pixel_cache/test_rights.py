import os
import stat

import pytest

from mmseg_mammo.io.pixel_cache.chain import Chain
from mmseg_mammo.io.pixel_cache.place import find_folder
from mmseg_mammo.io.pixel_cache.rights import Rights


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.mark.parametrize(('folder', 'file'), [(0o700, 0o600), (0o750, 0o640), (0o777, 0o666)])
def test_a_cache_has_the_rights_of_the_data(index, folder, file):
    index.parent.chmod(folder)
    index.chmod(file)

    found = find_folder(index)
    chain = Chain(found / 'chain', Rights(index))
    chain.open(['a'], [])
    os.close(chain.open_slots())

    assert found == index.parent / 'cache'
    assert mode(found) == mode(chain.path) == folder
    assert {mode(path) for path in chain.path.iterdir()} == {file}


def test_the_group_is_that_of_the_data_or_has_no_rights(index, monkeypatch):
    index.chmod(0o664)
    asked = []
    monkeypatch.setattr(os, 'fchown', lambda file, user, group: asked.append(group))
    rights = Rights(index)
    rights.group += 1
    os.close(rights.open_file(index.parent / 'one'))

    def refuse(*_):
        raise PermissionError

    monkeypatch.setattr(os, 'fchown', refuse)
    os.close(rights.open_file(index.parent / 'two'))

    assert asked == [rights.group]
    assert mode(index.parent / 'one') == 0o664
    assert mode(index.parent / 'two') == 0o604
