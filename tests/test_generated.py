"""generated/ is exactly what compiling specs/ gives, bytes and modes."""

import pytest
from compiling import ROOT, SPECS, compiled

GENERATED = ROOT / "generated"
RENEW = "run `make generated`, read the difference, commit it"


def on_disk(folder):
    return {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.name)
def test_generated_is_current(spec):
    wanted, found = compiled(spec), on_disk(GENERATED / spec.name)
    assert sorted(wanted.keys() - found.keys()) == [], f"missing: {RENEW}"
    assert sorted(found.keys() - wanted.keys()) == [], f"left over: {RENEW}"
    stale = [path for path, content in sorted(wanted.items()) if found[path].read_bytes() != content]
    assert stale == [], f"changed: {RENEW}"


def test_every_folder_has_its_spec():
    assert {path.name for path in GENERATED.iterdir()} == {path.name for path in SPECS}, RENEW


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: path.name)
def test_scripts_alone_are_executable(spec):
    runs = {path for path, place in on_disk(GENERATED / spec.name).items() if place.stat().st_mode & 0o111}
    assert runs == {path for path in compiled(spec) if path.endswith(".sh")}, RENEW
