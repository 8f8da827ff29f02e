"""Measure what training and prediction cost; see mmseg_mammo.cli.benchmark."""

from mmseg_mammo.cli.main import run_tool

if __name__ == '__main__':
    run_tool('benchmark')
