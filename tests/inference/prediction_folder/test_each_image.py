"""Visits of predicted images: lines of any content, in order, and the size of pixels."""

import pytest
from tiny_models import write_blobs

from mmseg_mammo.inference.prediction_folder.each_image import load_input, reason_of, visit_all
from mmseg_mammo.inference.prediction_folder.inputs import Input, find_inputs
from mmseg_mammo.inference.prediction_folder.journal import Journal
from mmseg_mammo.inference.predictor import Predictor


@pytest.fixture(scope='module')
def predictor(unet):
    return Predictor(unet, device='cpu')


def test_a_visitor_says_what_the_journal_keeps_and_no_file_is_written(predictor, tmp_path):
    for number in range(3):
        write_blobs(tmp_path / 'in' / f'{number}.png', number)
    (tmp_path / 'in' / '3.png').write_bytes(b'broken')
    out = tmp_path / 'out'
    inputs = find_inputs([tmp_path / 'in'], out)

    def visit(read, found, seconds):
        line = {'key': read.source.key}
        if isinstance(found, str):
            return {**line, 'failed': found}
        return {**line, 'fingerprint': read.fingerprint, 'best': found.score}

    journal = Journal(out, 'part')
    assert visit_all(predictor, inputs, out, journal, visit, batch_size=2) == 4
    lines = [journal.line(source.key) for source in inputs]
    assert lines[1]['best'] == predictor(inputs[1].path).score
    assert lines[3]['failed'].startswith('3.png')
    assert visit_all(predictor, inputs, out, journal, visit) == 1  # the broken one, again
    journal.close()
    assert [path.name for path in out.iterdir()] == ['.journal']


def test_the_size_of_a_pixel_comes_from_the_table_or_the_extent(predictor, tmp_path):
    path = write_blobs(tmp_path / 'a.png', 1)
    assert load_input(predictor, Input('a.png', path)).spacing is None
    assert load_input(predictor, Input('a.png', path, spacing=(0.1, 0.2))).spacing == (0.1, 0.2)
    prepared = Input('a.png', path, extent_mm=(8.0, 6.4), original_shape=(160, 128))
    assert load_input(predictor, prepared).spacing == pytest.approx((0.1, 0.1))


def test_a_reason_is_one_line_without_the_folders_of_the_file(tmp_path):
    source = Input('a.png', tmp_path / 'secret' / 'a.png')
    said = reason_of(ValueError(f'{source.path}:\n  broken'), source)
    assert said == 'a.png: broken'
