"""The whole way on phantoms; see mmseg_mammo.cli.demo."""

from mmseg_mammo.cli.main import run_tool

if __name__ == '__main__':
    run_tool('demo')
