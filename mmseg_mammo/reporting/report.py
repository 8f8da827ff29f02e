"""Report: builds all sections, lists all files and writes them to a folder."""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.files import PARTIAL_PREFIX
from mmseg_mammo.io.run_folder import IMPORTED
from mmseg_mammo.reporting.document import Case, Cell, Section, Table
from mmseg_mammo.reporting.page.cases import find_cases
from mmseg_mammo.reporting.page.page import PAGE
from mmseg_mammo.reporting.run_reader import Test
from mmseg_mammo.reporting.runs import Runs
from mmseg_mammo.reporting.scores import has_lesion, mark_cells, mark_notes
from mmseg_mammo.reporting.sections.absence import absence_section
from mmseg_mammo.reporting.sections.candidates import candidate_section
from mmseg_mammo.reporting.sections.curves import curve_section
from mmseg_mammo.reporting.sections.few.learning_curve import learning_curve_section
from mmseg_mammo.reporting.sections.images import image_section
from mmseg_mammo.reporting.sections.lesions import lesion_section
from mmseg_mammo.reporting.sections.promises import promise_section
from mmseg_mammo.reporting.sections.results import result_section
from mmseg_mammo.reporting.sections.samples import sample_section
from mmseg_mammo.reporting.sections.strata import stratum_section
from mmseg_mammo.reporting.sections.thesis import thesis_section
from mmseg_mammo.reporting.sections.transfer import transfer_section
from mmseg_mammo.reporting.sections.two_stages import stage_section
from mmseg_mammo.reporting.tables import to_csv, to_latex, to_markdown
from mmseg_mammo.version import __version__
from mmseg_mammo.visualization.plots import Figure

MANIFEST = 'report.json'
TITLE = 'Transfer report'


def build(runs: Runs) -> tuple[tuple[Section, ...], tuple[Case, ...], tuple[str, ...]]:
    """Sections, cases of the viewer, and the notes that stand above everything."""
    if not runs.tests:  # of a learning curve whose tests are elsewhere
        alone = learning_curve_section(runs)
        return (alone,) if alone else (), (), ()
    cases = find_cases(runs)
    sections = (
        result_section(runs),
        transfer_section(runs),
        thesis_section(runs),
        stratum_section(runs),
        lesion_section(runs),
        stage_section(runs),
        image_section(runs),
        absence_section(runs),
        promise_section(runs),
        candidate_section(runs),
        learning_curve_section(runs),
        sample_section(runs, cases),
        curve_section(runs),
        run_section(runs),
    )
    kept = tuple(section for section in sections if section and section.items)
    return kept, cases, mark_notes(runs.tests)[::-1]


def run_section(runs: Runs) -> Section:
    """What was tested, when, with what; and which runs were not used."""
    columns = (
        *('model', 'data set', 'grid', 'images', 'patients', 'lesion images', 'normal images'),
        *('not annotated', 'checkpoint', 'training', 'test', 'started', 'index', 'seed', 'version'),
        *('commit', 'device', 'mark'),
    )
    rows = tuple(_run_row(test) for test in runs.tests)
    table = Table('runs', 'What was tested', columns, rows, mark_notes(runs.tests))
    items: list[Table | Figure] = [table]
    if runs.left_out:
        unused = tuple((str(folder), reason) for folder, reason in runs.left_out)
        items.append(Table('left_out', 'Runs that are not used', ('folder', 'reason'), unused))
    text = (
        'Index and commit by their first characters; + marks a checkout with changed files.',
        'Images that nobody annotated are not tested; the column says how many there are beside the others.',
    )
    return Section('runs', 'Runs', text, tuple(items))


def _run_row(test: Test) -> tuple[Cell, ...]:
    run, lesion = test.run, has_lesion(test.images)
    git = run.get('git') or {}
    commit = str(git.get('commit', ''))[:8] + ('+' if git.get('changed') else '')
    return (
        *(test.model, test.dataset, str(test.eval_size or 'masks'), len(lesion)),
        len(set(test.images.patients)),
        *(
            int(lesion.sum()),
            int((~lesion).sum()),
            test.not_annotated,
            str(run.get('checkpoint') or (IMPORTED if test.imported else '')),
        ),
        *(str(test.training.work_dir) if test.training else None, str(test.folder)),
        *(run.get('started'), str(run['data']['test'].get('index_sha256', ''))[:8]),
        *(run.get('seed'), run.get('versions', {}).get('mmseg_mammo'), commit),
        *(run.get('device'), mark_cells(test, int(lesion.sum()), int((~lesion).sum()))),
    )


def files(
    sections: Sequence[Section], page: str, points: Mapping[str, bytes] | None = None
) -> Iterator[tuple[str, bytes]]:
    """Names and contents of everything that a report consists of.

    Args:
        sections: With their tables and figures.
        page: The HTML.
        points: Contents of further files of ``tables/`` by name (:func:`.operating_points`).
    """
    yield PAGE, page.encode()
    for name, content in (points or {}).items():
        yield f'tables/{name}', content
    for item in (item for section in sections for item in section.items):
        if isinstance(item, Table):
            yield f'tables/{item.name}.csv', to_csv(item).encode()
            yield f'tables/{item.name}.md', to_markdown(item).encode()
            yield f'tables/{item.name}.tex', to_latex(item).encode()
        else:
            yield f'figures/{item.name}.png', item.png
            yield f'figures/{item.name}.svg', item.svg.encode()


def check_folder(out: Path) -> None:
    """Refuse an output folder with anything in it but an unchanged report.

    Raises:
        MammoError: ``out`` is a file, or holds files that no report wrote, or that were changed.
    """
    if not out.exists():
        return
    remedy = 'Choose another --out, or move it away'
    if not out.is_dir():
        raise MammoError(f'{out}: a file', 'a folder', remedy)
    present = {path.relative_to(out).as_posix() for path in out.rglob('*') if not path.is_dir()}
    known = _read_manifest(out)
    foreign = sorted(present - known.keys() - {MANIFEST})
    changed = sorted(
        name for name in present & known.keys() if _digest((out / name).read_bytes()) != known[name]
    )
    if foreign or changed:
        named = (foreign or changed)[0]
        what = 'is not of a report' if foreign else 'was changed since the report was written'
        allowed = 'a new or empty folder, or a report'
        raise MammoError(f'{out / named}: {what}', allowed, remedy)


def _read_manifest(out: Path) -> Mapping[str, str]:
    try:
        return json.loads((out / MANIFEST).read_text(encoding='utf-8'))['files']
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write(out: Path, contents: Iterator[tuple[str, bytes]]) -> None:
    """Write a report beside ``out``, then put it in the place of an earlier one.

    Raises:
        MammoError: See :func:`check_folder`.
    """
    check_folder(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=out.parent))
    try:
        umask = os.umask(0)
        os.umask(umask)
        aside.chmod(0o777 & ~umask)  # mkdtemp is private; a shared folder is not
        digests = {}
        for name, content in contents:
            path = aside / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(content)
            digests[name] = _digest(content)
        manifest = {'mmseg_mammo': __version__, 'files': digests}
        (aside / MANIFEST).write_text(json.dumps(manifest, indent=2), encoding='utf-8')
        if out.exists():
            earlier = Path(tempfile.mkdtemp(prefix=PARTIAL_PREFIX, dir=out.parent))
            out.replace(earlier / 'report')
            aside.replace(out)
            shutil.rmtree(earlier)
        else:
            aside.replace(out)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise
