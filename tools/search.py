"""Search hyper-parameters; see mmseg_mammo.cli.search."""

from mmseg_mammo.cli.main import run_tool

if __name__ == '__main__':
    run_tool('search')
