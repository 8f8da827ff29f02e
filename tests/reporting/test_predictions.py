"""The page of a folder of predictions: what it shows, and that nothing in it runs."""

import json
import re
import shutil
from html import unescape
from urllib.parse import unquote

import pytest
from prediction_folders import HOSTILE, LONG, image_line, make_predictions

from mmseg_mammo.errors import DataFileError, DataIndexError
from mmseg_mammo.reporting import predictions
from mmseg_mammo.reporting.predictions import write_prediction_page

BREAST = {
    'patient_id': 'P000',
    'laterality': 'L',
    'images': 2,
    'views': 'CC MLO',
    'score': 0.9,
    'regions': 2,
    'files': LONG,
}
IMAGES = (
    image_line(0, 0.2),
    image_line(1, 0.9, 2),
    image_line(2),
    image_line(3, 0.4, 1, image=HOSTILE, patient_id='</script><b>'),
)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('predictions')
    write_prediction_page(make_predictions(folder, IMAGES, [(HOSTILE, 'no image')], [BREAST]))
    return folder


@pytest.fixture(scope='module')
def html(folder):
    return (folder / 'index.html').read_text(encoding='utf-8')


@pytest.fixture(scope='module')
def cases(html):
    return cases_of(html)


def cases_of(html):
    return json.loads(html.split('id="data">', 1)[1].split('</script>', 1)[0])['cases']


def page_of(folder):
    return write_prediction_page(folder).read_text(encoding='utf-8')


def test_images_come_by_their_scores_and_those_without_one_last(cases):
    assert [case['key'] for case in cases] == ['in_0001', 'in_0003', 'in_0000', 'in_0002']
    assert cases[0]['scores'] == {
        'unet_cbis': {'score': 0.9, 'regions': 2, 'area_pixels': 200, 'area_mm2': 3}
    }
    assert cases[-1]['scores']['unet_cbis']['score'] is None


def test_an_image_is_shown_with_its_marks_and_its_links_lead_to_its_files(cases, folder):
    assert (cases[0]['width'], cases[0]['height']) == (32, 48)
    assert cases[0]['predictions'] == {'unet_cbis': 'M10 20h6v8h-6z'}
    assert cases[2]['predictions'] == {'unet_cbis': ''}
    for case in cases:
        assert set(case['files']) == {'overlay', 'mask'}
        assert all((folder / unquote(address)).is_file() for address in case['files'].values())


def test_facts_are_those_of_the_table(cases):
    assert cases[0]['facts'] == {
        'dataset': '',
        'patient_id': 'P000',
        'laterality': 'L',
        'view': 'MLO',
        'image': 'in/0001.dcm',
        'size': '320×480',
    }


def test_the_page_says_which_images_are_unlike_the_training_images_and_filters_by_it(tmp_path):
    folder = make_predictions(tmp_path, IMAGES[:2], counts={'compared': 2, 'unlike': 1})
    table = folder / 'predictions.csv'
    head, first, second = table.read_text().splitlines()
    why = '"unlike: outside is bright, tissue is dark"'
    lines = [f'{head},likeness,likeness_why', f'{first},0.01,{why}', f'{second},0.5,like']
    table.write_text('\n'.join(lines))
    html = page_of(folder)
    assert '1 of 2 images are unlike those' in html
    assert 'name="is.likeness"' in html
    like, unlike = (case['facts'] for case in cases_of(html))
    assert (like['likeness'], unlike['likeness']) == ('like', 'unlike')
    assert unlike['likeness_why'] == 'unlike: outside is bright, tissue is dark'


def test_there_is_nothing_about_a_truth(html):
    shown = re.sub('<[^>]*>', ' ', html[html.index('<body>') : html.index('id="data"')])
    assert 'Opacity of predictions' in shown
    assert not re.search('truth|true outline|Dice|IoU|prompt point|Models', shown)
    assert "panel(item, 'Truth'" not in html


def test_view_laterality_and_patient_are_filters_and_only_where_there_are_several(html, tmp_path):
    assert re.findall(r'name="is\.(\w+)"', html) == ['patient_id', 'laterality', 'view']
    alone = page_of(make_predictions(tmp_path, IMAGES[:1]))
    assert 'name="is.' not in alone
    assert 'Show the cases with' not in alone


def test_the_highest_score_is_the_first_order(html):
    orders = html[html.index('name="sort"') :]
    assert orders.index('value="best"') < orders.index('value="worst"')


def test_notes_come_before_tables_and_tables_before_images(html):
    places = [
        'Not a medical device</strong>',
        *('id="summary"', 'id="failed"', 'id="breasts"', 'id="viewer"'),
    ]
    assert sorted(places, key=html.index) == places


def test_foreign_text_stays_text(html):
    assert html.count('<script') == html.count('</script>') == 2
    assert '<img src=x' not in html
    assert '&lt;img src=x' in html
    assert "default-src 'none'" in unescape(html)
    assert set(re.findall(r'(?:https?:)?//[\w.-]+\.\w+', html)) == {'http://www.w3.org'}


@pytest.mark.parametrize('name', ["a'b <i>&.x", 'läsion #1?', '%2e%2e%2f', 'n' * 200])
def test_a_link_leads_to_a_file_whatever_its_name(tmp_path, name):
    (case,) = cases_of(page_of(make_predictions(tmp_path, [image_line(0, 0.9, 1, key=name)])))
    assert case['files']['mask'].count('/') == 1
    assert unquote(case['files']['mask']) == f'masks/{name}.png'
    assert re.fullmatch(r'[\w./%~-]+', case['files']['mask'], re.ASCII)


def test_a_key_does_not_lead_out_of_the_folder(tmp_path):
    folder = make_predictions(tmp_path / 'out', [image_line(0, 0.9)])
    shutil.copy(folder / 'viewer' / 'in_0000.jpg', tmp_path / 'secret.jpg')
    table = folder / 'predictions.csv'
    table.write_text(table.read_text().replace('\nin_0000,', '\n../../secret,'))
    assert 'id="viewer"' not in page_of(folder)


def test_equal_files_make_equal_bytes(folder, tmp_path):
    shutil.copytree(folder, tmp_path / 'copy')
    (tmp_path / 'copy' / 'index.html').unlink()
    assert (
        write_prediction_page(tmp_path / 'copy').read_bytes()
        == (folder / 'index.html').read_bytes()
    )


def test_a_page_takes_so_many_images_and_says_how_many_there_are(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, 'MOST', 2)
    html = page_of(make_predictions(tmp_path, IMAGES))
    assert [case['key'] for case in cases_of(html)] == ['in_0001', 'in_0003']
    assert '2 of 4, from the highest score down; predictions.csv has all.' in html


def test_an_image_whose_picture_was_lost_is_counted(folder, tmp_path):
    shutil.copytree(folder, tmp_path / 'copy')
    (tmp_path / 'copy' / 'viewer' / 'in_0001.jpg').unlink()
    html = page_of(tmp_path / 'copy')
    assert len(cases_of(html)) == 3
    assert '3 of 4, from the highest score down' in html


def test_a_folder_in_which_every_file_failed_has_a_page(tmp_path):
    failed = [(f'in/{number}.dcm', f'reason {number}') for number in range(2000)]
    html = page_of(make_predictions(tmp_path, failed=failed))
    assert 'id="viewer"' not in html
    assert all(f'<td>reason {number}</td>' in html for number in range(2000))
    assert '2,000 of 2,000 files have no prediction' in html


def test_names_that_are_not_unicode_are_told(tmp_path):
    assert 'caf\\udce9' in page_of(make_predictions(tmp_path, device='caf\udce9'))


@pytest.mark.parametrize('name', ['run.json', 'predictions.csv', 'breasts.csv', 'failed.csv'])
def test_a_missing_file_is_named(tmp_path, name):
    make_predictions(tmp_path, IMAGES[:1])
    (tmp_path / name).unlink()
    with pytest.raises((DataFileError, DataIndexError), match=name):
        write_prediction_page(tmp_path)


def test_a_cell_that_is_no_number_is_named_with_its_row(tmp_path):
    make_predictions(tmp_path, [image_line(0, 0.9), image_line(1, 'high')])
    with pytest.raises(DataFileError, match=r'predictions\.csv, row 3:.*high.*predict again'):
        write_prediction_page(tmp_path)


def test_a_closed_image_says_why_nothing_is_found(tmp_path):
    images = [image_line(0, 0.0, presence=0.031, closed=1), image_line(1, 0.9, 1, presence=0.87)]
    images[1]['closed'] = 0
    counts = {'counts': {'closed': 1}}
    folder = make_predictions(tmp_path / 'a', images, presence_threshold=0.214, **counts)
    html = page_of(folder)
    said = {case['key']: case['facts']['presence'] for case in cases_of(html)}
    assert said == {'in_0000': 'nothing found (presence 0.031 ≤ 0.21)', 'in_0001': '0.87'}
    assert 'since the presence of a lesion in them is not above 0.214' in unescape(html)
    plain = page_of(make_predictions(tmp_path / 'b', [image_line(0, 0.5)]))
    assert '"presence"' not in plain


def test_images_can_be_sorted_by_their_presence_where_the_model_says_it(tmp_path):
    images = [image_line(0, 0.0, presence=0.031, closed=1), image_line(1, 0.9, 1, presence=0.87)]
    images.append(image_line(2, 0.4, presence='', closed=''))  # of a model beside it
    html = page_of(make_predictions(tmp_path / 'a', images))
    scores = {case['key']: next(iter(case['scores'].values())) for case in cases_of(html)}
    assert [scores[f'in_000{n}'].get('presence') for n in range(3)] == [0.031, 0.87, None]
    assert '<option value="presence">presence</option>' in html
    plain = page_of(make_predictions(tmp_path / 'b', [image_line(0, 0.5)]))
    assert 'value="presence"' not in plain
    images[1]['presence'] = 'likely'
    with pytest.raises(DataFileError, match=r'predictions\.csv, row 3:.*likely'):
        write_prediction_page(make_predictions(tmp_path / 'c', images))


def add_candidates(folder, **changed):
    line = {'key': 'in_0001', 'image': 'in/0001.dcm', 'number': 1, 'x': 31.5, 'y': 47.5}
    line |= {'left': 0, 'top': -48, 'right': 160, 'bottom': 96, 'finder_score': 0.5}
    line |= {'refiner_presence': 0.5, 'refiner_max': 0.5, 'score': 0.9, 'kept': 1, **changed}
    (folder / 'candidates.csv').write_text(
        f'{",".join(line)}\n{",".join(map(str, line.values()))}\n', encoding='utf-8'
    )
    return folder


def test_candidates_of_two_stages_are_on_the_pictures(tmp_path):
    html = page_of(add_candidates(make_predictions(tmp_path, IMAGES)))
    found = {case['key']: case['candidates'] for case in cases_of(html)}
    assert {len(each['unet_cbis']) for each in found.values()} == {0, 1}
    (one,) = found['in_0001']['unet_cbis']  # of 480×320 pixels
    assert (one['x'], one['y'], one['crop']) == (0.1, 0.1, [0.0, -0.1, 0.5, 0.2])
    assert (one['score'], one['kept'], one['found']) == (0.9, True, None)
    assert 'name="crops"' in html


def test_a_model_of_one_stage_has_no_candidates_on_its_page(html, cases):
    assert 'name="crops"' not in html
    assert not any('candidates' in case for case in cases)


def test_a_candidate_that_is_no_number_is_named(tmp_path):
    with pytest.raises(DataFileError, match=r'candidates\.csv, row 2'):
        write_prediction_page(add_candidates(make_predictions(tmp_path, IMAGES), x='here'))
