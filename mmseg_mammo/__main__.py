"""``python -m mmseg_mammo``: the command ``mammoseg``, for launchers that need a module."""

from mmseg_mammo.cli.main import main

if __name__ == '__main__':
    main()
