"""Check the files that a command will write."""

from __future__ import annotations

from pathlib import Path

from skheart._core.files import check_target


def check_output(
    path: Path, option: str, *, force: bool, endings: tuple[str, ...] = ()
) -> None:
    """Raise unless a file with one of the `endings` may be written at `path`.

    `option` names the path in messages. `force` says whether a file may be replaced;
    devices and pipes are always written to.
    """
    if endings and path.suffix.lower() not in endings:
        raise ValueError(
            f"{option} must name a file that ends in {' or '.join(endings)}, got "
            f"{str(path)!r}."
        )
    check_target(path)
    if path.is_file() and not force:
        raise FileExistsError(f"{str(path)!r} exists; pass --force to replace it.")
