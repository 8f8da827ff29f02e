"""End of a preparation: the data card and the contact sheets of a folder that was just prepared."""

import argparse
import sys

from mmseg_mammo.cli.browse import browse_prepared
from mmseg_mammo.cli.card import write_beside
from mmseg_mammo.errors import MammoError
from mmseg_mammo.io.index import INDEX_NAME


def finish_prepared(args: argparse.Namespace) -> None:
    """Write the data card of ``args.out`` and, unless ``args.no_browse``, look at a sample of it.

    A card that somebody wrote or changed stays, which is said.
    """
    if not (args.out / INDEX_NAME).is_file():  # nothing could be prepared
        return
    try:
        print(f'{write_beside(args.out)}: the data card')
    except MammoError as error:
        print(f'No data card: {error}', file=sys.stderr)
    if not args.no_browse:
        browse_prepared(args.out)
