"""The command line. Its commands are in :mod:`skheart.cli.commands`.

A command has ``add_arguments(parser)`` and ``run(options)``, which returns the exit
code. Slow modules are imported inside functions, so that ``--help`` is fast.
"""
