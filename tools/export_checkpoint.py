"""Make a whole checkpoint of weights alone; see mmseg_mammo.cli.export."""

from mmseg_mammo.cli.main import run_tool

if __name__ == '__main__':
    run_tool('export')
