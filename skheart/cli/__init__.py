"""The command line: one module for each command.

The module of a command has ``add_arguments(parser)`` and ``run(options)``, which returns
the exit code, and its name and summary are in ``parser.COMMANDS``. What is slow to import
is imported inside functions, or stands in a module of its own (``training``,
``evaluation``), so that ``--help`` stays fast.
"""
