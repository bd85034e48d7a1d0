"""The commands: one module for each, as ``skheart predict`` is in ``predict.py``."""
