"""``annotate-next``: from an archive to a training set, and what it says."""

import csv

import cv2
import numpy as np
import pytest
from tiny_models import write_blobs

from mmseg_mammo.cli.main import main
from mmseg_mammo.io.image import read_labels, write_png
from mmseg_mammo.io.index import read_index


def annotate_next(data, checkpoint, out, *words):
    main([*map(str, ('annotate-next', data, '--checkpoint', checkpoint, '--out', out, *words))])


@pytest.fixture
def archive(tmp_path):
    for number in range(10):
        write_blobs(tmp_path / 'in' / f'P{number // 2}_{number}.png', number)
    return tmp_path / 'in'


def read(table):
    with table.open(newline='', encoding='utf-8') as stream:
        return list(csv.DictReader(stream))


def write(table, rows):
    with table.open('w', newline='', encoding='utf-8') as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def test_from_an_archive_to_a_training_set(unet, archive, tmp_path, capsys):
    out, table = tmp_path / 'next', tmp_path / 'next' / 'annotate_next.csv'
    words = ['--count', 5, '--patient-pattern', '^(P.)_']
    annotate_next(archive, unet, out, *words)
    said = capsys.readouterr().out
    assert '10 images may be chosen, 0 are left out' in said
    assert '5 images: 4 for training, 1 for testing' in said
    prepare = ['prepare', str(tmp_path / 'new'), '--table', str(table), '--no-browse']
    with pytest.raises(SystemExit, match="annotated is 'no', its masks say 'lesion'"):
        main(prepare)  # nobody has looked yet
    rows = read(table)
    write(table, [{**row, 'annotated': ''} for row in rows])
    with pytest.raises(SystemExit, match="annotated is 'no', its masks say 'lesion'"):
        main(prepare)  # nor does an empty cell say that anybody has
    corrected = np.zeros((80, 64), np.uint8)
    cv2.circle(corrected, (30, 30), 6, 255, -1)
    for number, row in enumerate(rows):
        row['annotated'] = 'normal' if number == 2 else 'lesion'
        write_png(out / row['mask'], corrected * (number != 2))
    write(table, rows)
    main(prepare)
    index = read_index(tmp_path / 'new' / 'index.csv')
    assert [row.split for row in index].count('test') == 1
    assert [row.annotated for row in index] == [row['annotated'] for row in rows]
    assert [row.patient_id for row in index] == [row['patient_id'] for row in rows]
    lesion = next(row for row in index if row.annotated == 'lesion')
    made = read_labels(tmp_path / 'new' / lesion.mask)
    np.testing.assert_array_equal(made > 0, corrected > 0)
    annotate_next(archive, unet, out, *words)
    assert 'is complete, and stays as it is' in capsys.readouterr().out
    annotate_next(archive, unet, tmp_path / 'second', '--earlier', out, *words)
    said = capsys.readouterr().out
    assert f'chosen in {out}: 5' in said
    later = read(tmp_path / 'second' / 'annotate_next.csv')
    assert {row['round'] for row in later} == {'2'}
    assert not {row['image'] for row in later} & {row['image'] for row in rows}
    # Both rounds join a table with columns of its own.
    own = tmp_path / 'own' / 'lijst.csv'
    write_blobs(own.parent / 'X.png', 50)
    own.write_text('bestand,patient_id,afwijking,split\nX.png,X,nee,train\n')
    words = [
        '--column',
        'image=bestand',
        'annotated=afwijking',
        '--value',
        'annotated',
        'nee=normal',
    ]
    every = ['prepare', str(tmp_path / 'all'), '--table', str(own), *words, '--no-browse']
    every += ['--rounds', str(out), str(tmp_path / 'second')]
    with pytest.raises(
        SystemExit, match=r"second, row 3: .*annotated is 'no', its masks say 'lesion'"
    ):
        main(every)
    for row in later:
        row['annotated'] = 'lesion'
        write_png(tmp_path / 'second' / row['mask'], corrected)
    write(tmp_path / 'second' / 'annotate_next.csv', later)
    main(every)
    joined = read_index(tmp_path / 'all' / 'index.csv')
    patients = [row['patient_id'] for row in (*rows, *later)]
    assert [row.patient_id for row in joined] == ['X', *patients]
    assert {row.source for row in joined} == {'all'}


def test_what_a_user_should_know_is_said(unet, prepared, archive, tmp_path, capsys):
    annotate_next(prepared, unet, tmp_path / 'a', '--random-share', 0)
    said = capsys.readouterr().out
    assert '1 images may be chosen, 8 are left out' in said
    assert 'annotated: normal: 3: images/3.png, images/5.png, images/7.png' in said
    assert 'WARNING: 20 were asked for' in said
    (archive / 'broken.png').write_bytes(b'broken')
    annotate_next(archive, unet, tmp_path / 'b', '--count', 2)
    said = capsys.readouterr().out
    assert 'WARNING: nobody tells the patient of 11 images' in said
    assert 'WARNING: left out: broken.png' in said


@pytest.mark.parametrize(
    ('words', 'message'),
    [
        (['--method', 'magic'], '--method magic. Allowed: random, entropy, clusters.'),
        (['--count', '0'], '--count 0'),
        (['--random-share', '2'], '--random-share 2'),
        (['--seed', '-1'], '--seed -1'),
        (['--batch-size', '0'], '--batch-size 0'),
        (['--earlier', 'nowhere'], '--earlier nowhere'),
        (['--patient-pattern', '('], 'Patient pattern'),
    ],
)
def test_bad_options_end_in_one_line(words, message, unet, archive, tmp_path):
    with pytest.raises(SystemExit) as ended:
        annotate_next(archive, unet, tmp_path / 'out', *words)
    assert message in str(ended.value)
    assert '\n' not in str(ended.value)
    assert not (tmp_path / 'out').exists()
