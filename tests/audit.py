"""Check the installed packages for known vulnerabilities; run by tox -e audit.

The exit code is 1 if pip-audit reports a vulnerability that is fixed in a newer
version. A warning is printed if the database of vulnerabilities cannot be reached or
does not contain a package.
"""

from __future__ import annotations

import json
import subprocess
import sys


def run() -> int:
    """Run pip-audit, print its findings and return the exit code."""
    command = [sys.executable, "-m", "pip_audit", "-f", "json", "--skip-editable"]
    done = subprocess.run(
        [*command, "--progress-spinner", "off"], capture_output=True, text=True
    )
    try:
        packages = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        print(f"WARNING: no package was checked: {reason}")
        return 0
    skipped = [package for package in packages if "skip_reason" in package]
    found = [package for package in packages if package.get("vulns")]
    fixable = False
    for package in found:
        for fault in package["vulns"]:
            fixable |= bool(fault["fix_versions"])
            fixed = ", ".join(fault["fix_versions"]) or "no version yet"
            name = f"{package['name']} {package['version']}"
            print(f"{name}: {fault['id']}, fixed in {fixed}")
    if skipped:
        print(
            f"WARNING: {len(skipped)} of {len(packages)} packages were not checked: "
            "the database cannot be reached or does not know them"
        )
    print(f"{len(packages) - len(skipped)} packages checked, {len(found)} vulnerable")
    return int(fixable)


if __name__ == "__main__":
    sys.exit(run())
