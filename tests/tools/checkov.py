# ruff: noqa: T201
"""Judge generated/ by checkov's policies; `.checkov.yaml` lists those it breaks on purpose. `make checkov` runs it.

checkov wants other versions of what we use, so it lives in a virtual environment of its own. It runs outside the
project's root, where it would read `.checkov.yaml` by itself and hide which skips are no longer needed.
"""

import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
GENERATED = ROOT / "generated"
SKIPS = ROOT / ".checkov.yaml"
HOME = ROOT / ".cache" / "checkov"
VERSION = "3.3.30"
FRAMEWORKS = ("dockerfile", "kubernetes", "github_actions")
SHOWN = 5
SKIP = re.compile(r"\s+- (?P<id>[A-Z0-9_]+)(?:\s+#\s*(?P<reason>\S.*))?\s*")


def installed() -> Path:
    """The `bin` folder of checkov's environment. A file marks the version that was installed to its end."""
    venv, mark = HOME / "venv", HOME / f"{VERSION}.installed"
    if not mark.exists():
        print(f"Installing checkov {VERSION} ...", flush=True)
        shutil.rmtree(HOME, ignore_errors=True)
        python = venv / "bin" / "python"
        subprocess.run((sys.executable, "-m", "venv", venv), check=True)
        pip = (python, "-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input")
        subprocess.run((*pip, "install", "--root-user-action=ignore", f"checkov=={VERSION}"), check=True)
        mark.touch()
    return venv / "bin"


def skips(text: str) -> dict[str, str]:
    """Skipped policies with their reasons, empty where there is none."""
    items = (SKIP.fullmatch(line) for line in text.splitlines())
    return {item["id"]: item["reason"] or "" for item in items if item}


def failures(tools: Path) -> dict[str, list[dict[str, Any]]]:
    """Failed checks by the id of their policy."""
    argv = (tools / "python", tools / "checkov", "--directory", GENERATED, "--framework", *FRAMEWORKS)
    options = ("--skip-download", "--quiet", "--compact", "--soft-fail", "--output", "json")
    done = subprocess.run((*argv, *options), cwd=HOME, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"checkov failed:\n{done.stdout}{done.stderr}")
    reports = json.loads(done.stdout)
    found = defaultdict(list)
    for report in reports if isinstance(reports, list) else [reports]:
        results = report.get("results", {})
        if results.get("parsing_errors"):
            sys.exit(f"checkov could not read {', '.join(results['parsing_errors'])}")
        for check in results.get("failed_checks", ()):
            found[check["check_id"]].append(check)
    return dict(found)


def told(policy: str, checks: list[dict[str, Any]]) -> str:
    places = sorted({f"{check['file_path'].lstrip('/')}:{check['file_line_range'][0]}" for check in checks})
    more = [f"and {len(places) - SHOWN} more"] if len(places) > SHOWN else []
    lines = "".join(f"\n    {place}" for place in [*places[:SHOWN], *more])
    return f"{policy}: {checks[0]['check_name']}{lines}"


def main() -> int:
    if not any(GENERATED.rglob("*.yaml")):
        sys.exit("generated/ holds nothing to judge: make generated")
    listed, failed = skips(SKIPS.read_text()), failures(installed())
    problems = [told(policy, checks) for policy, checks in sorted(failed.items()) if policy not in listed]
    problems += [f"{policy}: .checkov.yaml gives no reason" for policy, reason in listed.items() if not reason]
    problems += [
        f"{policy}: nothing breaks it any more, .checkov.yaml need not skip it"
        for policy in listed
        if policy not in failed
    ]
    print("\n".join([*problems, f"checkov: {len(problems)} problems, {len(listed)} policies skipped"]))
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
