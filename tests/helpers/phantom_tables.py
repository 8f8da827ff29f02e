"""Tables of a phantom tree, read without the code that wrote them."""

import csv


def read_rows(path):
    """Rows of a CSV file as dicts."""
    with path.open(newline='') as stream:
        return list(csv.DictReader(stream))


def truth_of(root):
    """Rows of ``phantom_truth.csv`` by the name of the abnormality."""
    return {row['abnormality']: row for row in read_rows(root / 'phantom_truth.csv')}
