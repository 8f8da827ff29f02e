"""Prepare a hospital's mammograms and masks; see mmseg_mammo.cli.prepare."""

import os

os.environ['MMSEG_MAMMO_REGISTER'] = '0'  # no torch, here and in the workers

if __name__ == '__main__':
    from mmseg_mammo.cli.main import run_tool

    run_tool('prepare')
