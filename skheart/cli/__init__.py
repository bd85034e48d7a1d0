"""The command line: one module for each command.

It has ``add_arguments(parser)`` and ``run(options)``, which returns the exit code. Slow
modules are imported inside functions, so that ``--help`` is fast.
"""
