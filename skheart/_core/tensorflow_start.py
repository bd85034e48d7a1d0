"""Keep TensorFlow's messages about the machine out of standard error and notebooks.

TensorFlow writes some of them while it is imported, before it reads its settings. The
user's own choice of TF_CPP_MIN_LOG_LEVEL holds, and with 0 everything is shown.
"""

from __future__ import annotations

import os
import re
import sys
import tempfile
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from skheart._core.standard_streams import redirected

_LEVEL = "TF_CPP_MIN_LOG_LEVEL"
# Lines of level I (information) or W (warning), in the old format and in absl's.
_MESSAGE = re.compile(
    rb"^([IW]\d{4} \d\d:\d\d:\d+\.|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] "
    rb"|WARNING: All log messages before absl::InitializeLog"
    rb"|To enable the following instructions: )"
)


def quiet_tensorflow() -> None:
    """Let TensorFlow start without messages, when it is imported later.

    Afterwards it logs fatal errors only; other errors reach Python as exceptions.
    """
    if os.environ.setdefault(_LEVEL, "3") == "0" or "tensorflow" in sys.modules:
        return
    if not any(isinstance(finder, _QuietStart) for finder in sys.meta_path):
        sys.meta_path.insert(0, _QuietStart())


class _QuietStart(MetaPathFinder):
    """Finds TensorFlow where Python does, and holds messages back while it starts."""

    def find_spec(self, name: str, *_: Any) -> ModuleSpec | None:
        if name != "tensorflow":
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        start = spec.loader.exec_module

        def quietly(module: ModuleType) -> None:
            with tempfile.TemporaryFile() as held:
                try:
                    with redirected(2, held):
                        start(module)
                finally:
                    held.seek(0)
                    for line in held:
                        if not _MESSAGE.match(line):
                            os.write(2, line)

        spec.loader.exec_module = quietly  # type: ignore[method-assign]
        return spec
