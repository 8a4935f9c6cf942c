import json
from hashlib import sha256

import pytest

from llmspec.artifacts.manifest import manifest, remembered
from llmspec.artifacts.tree import File, Tree


def file(path, content=b"x\n", **more):
    return File(path=path, purpose=f"The file {path}", content=content, **more)


def test_files_are_sorted():
    tree = Tree("chat", (file("b"), file("a/c"), file("a-b")))
    assert [each.path for each in tree.files] == ["a-b", "a/c", "b"]


STRAYS = ["/etc/passwd", "../x", "a/../../x", "a//b", "a/", "", ".", "./a", "a/.", "a\\b", "a\0b", "a\nb", "\udcff"]


@pytest.mark.parametrize("path", [*STRAYS, "MANIFEST.json"])
def test_paths_that_stray_are_refused(path):
    with pytest.raises(ValueError, match=r"path|two files"):
        Tree("chat", (file(path),))


@pytest.mark.parametrize("paths", [("a", "a"), ("a", "a/b"), ("a/b", "a/b/c/d"), ("MANIFEST.json/x",)])
def test_paths_that_clash_are_refused(paths):
    with pytest.raises(ValueError, match=r"two files|both a file and a folder"):
        Tree("chat", tuple(map(file, paths)))


def test_manifest():
    tree = Tree("chat", (file("b", b"bytes", sources={"/z": ("y", "x", "y"), "": ("m",)}), file("a")))
    made = manifest(tree)
    assert made.path == "MANIFEST.json"
    assert json.loads(made.content) == {
        "apiVersion": "llmspec.dev/v1alpha1",
        "kind": "Manifest",
        "service": "chat",
        "artifacts": {
            "a": {"sha256": sha256(b"x\n").hexdigest(), "purpose": "The file a", "sources": {}},
            "b": {
                "sha256": sha256(b"bytes").hexdigest(),
                "purpose": "The file b",
                "sources": {"": ["m"], "/z": ["x", "y"]},
            },
        },
    }
    text = made.content.decode()
    assert text == json.dumps(json.loads(text), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert set(remembered(made.content)) == {"a", "b"}


def entry(**fields):
    return {"sha256": "0" * 64, "purpose": "p", "sources": {}} | fields


def text_of(artifacts, **envelope):
    top = {"apiVersion": "llmspec.dev/v1alpha1", "kind": "Manifest", "service": "s", "artifacts": artifacts}
    return json.dumps(top | envelope).encode()


def test_a_manifest_is_remembered():
    assert set(remembered(text_of({"a/b": entry()}))) == {"a/b"}


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"artifacts":' * 50_000,
        text_of([]),
        text_of({"a": None}),
        text_of({"a": entry(sha256=1)}),
        text_of({"a": entry(sources=["x"])}),
        text_of({"a": entry(sources={"": "x"})}),
        text_of({"a": entry()}, kind="Other"),
        text_of({"a": entry()}, apiVersion="llmspec.dev/v9"),
        text_of({"a": entry(), "../../etc/passwd": entry()}),
        text_of({"/etc/passwd": entry()}),
        text_of({"a": entry(), "a/b": entry()}),
        text_of({"MANIFEST.json": entry()}),
        text_of({"a\0": entry()}),
        text_of({"\ud800": entry()}),
    ],
)
def test_a_hostile_manifest_counts_as_none(text):
    assert remembered(text) == {}
