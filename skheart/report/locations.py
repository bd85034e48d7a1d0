"""Where on the chest a recording was made, and what a file name says about it."""

from __future__ import annotations

import re
from pathlib import Path

VALVES = ("AV", "PV", "TV", "MV")  # where one listens to the four valves
LOCATIONS = (*VALVES, "Phc")
_LOCATION = re.compile(rf"(?<![A-Za-z])({'|'.join(LOCATIONS)})(?![A-Za-z])")


def location_in(file: str | None) -> str | None:
    """Return the location that the name of a file contains, if it is one."""
    found = set(_LOCATION.findall(Path(file).stem)) if file else set()
    return found.pop() if len(found) == 1 else None


def check_location(location: str | None) -> None:
    """Raise if a location is not one of those that are known, or None."""
    if location not in (None, *LOCATIONS):
        raise ValueError(
            f"location must be one of {', '.join(LOCATIONS)} or None, got {location!r}."
        )
