"""Make the transfer report; see mmseg_mammo.cli.report."""

import os

os.environ['MMSEG_MAMMO_REGISTER'] = '0'  # no torch, here and in the workers

if __name__ == '__main__':
    from mmseg_mammo.cli.main import run_tool

    run_tool('report')
