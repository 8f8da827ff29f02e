"""Test a model; see mmseg_mammo.cli.test."""

from mmseg_mammo.cli.main import run_tool

if __name__ == '__main__':
    run_tool('test')
