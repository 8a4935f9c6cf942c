"""Objects of kinds that Kubernetes does not have itself: by schemas of our own, which hold exactly the fields we write,
and by those of the operators where they are at hand.
"""

import copy
import json
from functools import cache
from pathlib import Path

import kubernetes_validate
import pytest
import yaml
from jsonschema import Draft202012Validator
from judged import ROOT, object_files
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4
from test_kubernetes_schema import CUSTOM, kind

OWN = ROOT / "tests" / "schemas"
THEIRS = Path(__file__).parents[3] / "shared" / "crds" / "_jsonschema"
"""Strict schemas of the operators' releases: on the machines of this project, not in its repository."""


def custom():
    """A parameter for each file that holds an object of such a kind."""
    found = [(each, yaml.safe_load(each.values[0].read_text("utf-8"))) for each in object_files()]
    return [pytest.param(data, id=each.id) for each, data in found if kind(data) in CUSTOM]


@cache
def own(name):
    schemas = {path.name: Resource.from_contents(json.loads(path.read_text("utf-8"))) for path in OWN.glob("*.json")}
    registry = Registry(retrieve=kubernetes).with_resources(schemas.items())
    return Draft202012Validator({"$ref": f"{name.lower()}.json"}, registry=registry)


def kubernetes(name):
    """A schema of Kubernetes itself, strict, with its relatives by their names."""
    folder = Path(kubernetes_validate.__file__).parent / "kubernetes-json-schema" / "v1.37.0-local-strict"
    return DRAFT4.create_resource(json.loads((folder / name.rpartition("/")[2]).read_text("utf-8")))


@cache
def theirs(api, name):
    group, _, version = api.partition("/")
    path = THEIRS / group / f"{name.lower()}_{version}.json"
    if not path.exists():
        pytest.skip(f"{path} is not on this machine")
    return Draft202012Validator(json.loads(path.read_text("utf-8")))


def said(validator, data):
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(data)]


@pytest.mark.parametrize("data", custom())
def test_our_schema(data):
    assert said(own(data["kind"]), data) == []


@pytest.mark.parametrize("data", custom())
def test_the_operators_schema(data):
    assert said(theirs(*kind(data)), data) == []


def test_every_kind_is_made_by_an_example():
    assert {kind(each.values[0]) for each in custom()} == CUSTOM
    assert {path.stem for path in OWN.glob("*.json")} == {"metadata", *(name.lower() for _, name in CUSTOM)}


@pytest.mark.parametrize("data", custom())
def test_our_schemas_notice_an_unknown_field_anywhere(data):
    for path in mappings(data):
        free = ("labels", "annotations", "matchLabels", "requests", "limits")
        if path[-1:] in {(each,) for each in free}:
            continue
        changed = inner = copy.deepcopy(data)
        for step in path:
            inner = inner[step]
        inner["unknown"] = 1
        assert said(own(data["kind"]), changed), path


def mappings(value, path=()):
    """The path of every mapping in `value`."""
    if isinstance(value, dict):
        yield path
        for key, each in value.items():
            yield from mappings(each, (*path, key))
    elif isinstance(value, list):
        for index, each in enumerate(value):
            yield from mappings(each, (*path, index))
