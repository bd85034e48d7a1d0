"""Audit what is installed with pip-audit; run by tox -e audit.

Known vulnerabilities end it with 1. Where no data base can be reached, or it does not
know a package, a warning says so.
"""

from __future__ import annotations

import json
import subprocess
import sys


def run() -> int:
    """Audit, say what came out, and give the exit code."""
    command = [sys.executable, "-m", "pip_audit", "-f", "json", "--skip-editable"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off"], capture_output=True, text=True
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"WARNING: nothing was audited: {reason}")
        return 0
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    found = [package for package in packages if package.get("vulns")]
    for package in found:
        for fault in package["vulns"]:
            fixed = ", ".join(fault["fix_versions"]) or "no version"
            name = f"{package['name']} {package['version']}"
            print(f"{name}: {fault['id']}, mended in {fixed}")
    if skipped:
        print(
            f"WARNING: {len(skipped)} of {len(packages)} packages were not audited, "
            f"since no data base knows them here: {', '.join(skipped)}"
        )
    print(f"{len(packages) - len(skipped)} packages audited, {len(found)} vulnerable")
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(run())
