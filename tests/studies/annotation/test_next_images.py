"""A choice from end to end: resumed, complete, of other settings."""

import pytest
from tiny_models import write_blobs

from mmseg_mammo.errors import MammoError
from mmseg_mammo.inference.predictor import Predictor
from mmseg_mammo.preparation.hospital.entry import ROUND
from mmseg_mammo.studies.annotation import next_images
from mmseg_mammo.studies.annotation.choose import Settings
from mmseg_mammo.studies.annotation.next_images import choose_next
from mmseg_mammo.studies.annotation.pool import read_pool


@pytest.fixture(scope='module')
def predictor(unet):
    return Predictor(unet, device='cpu')


@pytest.fixture
def archive(tmp_path):
    for number in range(8):
        write_blobs(tmp_path / 'in' / f'P{number // 2}_{number}.png', number)
    return tmp_path / 'in'


@pytest.fixture
def run(predictor, archive, tmp_path):
    def start(out=tmp_path / 'out', earlier=(), **options):
        pool = read_pool(archive, out, earlier, '^(P.)_')
        settings = Settings(**{'count': 4, 'random_share': 0.5, **options})
        return choose_next(predictor, pool, out, settings, data=archive)

    return start


def files(folder):
    return {p: p.read_bytes() for p in folder.rglob('*') if p.is_file()}


@pytest.mark.parametrize('method', ['random', 'entropy', 'clusters'])
def test_nothing_of_the_archive_changes_and_a_complete_folder_stays(method, run, archive, tmp_path):
    before = files(archive)
    found = run(method=method)
    assert len(found.rows) == 4
    assert not found.before
    assert files(archive) == before
    (tmp_path / 'out' / found.rows[0]['mask']).write_bytes(b'corrected')
    written = files(tmp_path / 'out')
    again = run(method=method)
    assert again.before
    assert again.rows == found.rows
    assert files(tmp_path / 'out') == written


def test_a_stopped_run_goes_on_to_the_same_choice(run, tmp_path, monkeypatch):
    whole = run(out=tmp_path / 'whole').rows

    def stopped(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(next_images, 'write_choice', stopped)
        run()
    assert not (tmp_path / 'out' / ROUND).exists()
    assert run().rows == whole


def test_a_second_round_takes_other_images_and_keeps_patients_on_their_side(run, tmp_path):
    first = run(out=tmp_path / 'first', per_patient=1).rows
    second = run(out=tmp_path / 'second', earlier=[tmp_path / 'first'], number=2).rows
    assert not {row['image'] for row in first} & {row['image'] for row in second}
    sides = {(row['patient_id'], row['for_test']) for row in first + second}
    assert len(sides) == len({patient for patient, _ in sides})


def test_the_share_for_testing_is_not_of_patients_who_were_annotated_before(predictor, tmp_path):
    lines = ['image,patient_id,annotated']
    for number in range(25):
        write_blobs(tmp_path / f'{number}.png', number)
        lines.append(f'{number}.png,P{number},{"no" if number < 5 else "lesion"}')
    table = tmp_path / 'list.csv'
    table.write_text('\n'.join(lines))
    pool = read_pool(table, tmp_path / 'out')
    found = choose_next(predictor, pool, tmp_path / 'out', Settings(count=5), data=table)
    assert [row['for_test'] for row in found.rows].count('yes') == 1
    assert len(found.rows) == 5


def test_a_folder_of_another_choice_is_refused(run, tmp_path):
    run()
    with pytest.raises(MammoError, match='holds a choice with other settings: count was 4, is 5'):
        run(count=5)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'a.txt').write_text('mine')
    with pytest.raises(MammoError, match='not made by mammoseg annotate-next'):
        run(out=tmp_path / 'mine')


def test_an_archive_of_which_nothing_can_be_read_is_refused(predictor, tmp_path):
    (tmp_path / 'in').mkdir()
    (tmp_path / 'in' / 'a.png').write_bytes(b'broken')
    pool = read_pool(tmp_path / 'in', tmp_path / 'out')
    with pytest.raises(MammoError, match='none of 1 images can be read'):
        choose_next(predictor, pool, tmp_path / 'out', Settings(), data=tmp_path / 'in')
