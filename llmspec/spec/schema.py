"""The language as JSON Schema draft-07, made from the types themselves."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
from msgspec import NODEFAULT, Meta

from llmspec.part import Part, Section, is_family, members
from llmspec.scalars import Measured, Text
from llmspec.spec.service import LLMService

Schema = dict[str, Any]
UNSET: Schema = {
    "type": "object",
    "description": "Removes what the base says.",
    "properties": {"$unset": {"const": True}},
    "required": ["$unset"],
    "additionalProperties": False,
}


def json_schema() -> Schema:
    """The schema of llm.yaml. An environment is the same with nothing required, because it overlays the rest."""
    definitions: Schema = {}
    whole = _section(LLMService, definitions)
    definitions |= {f"{name}.overlay": _overlay(each) for name, each in definitions.items()} | {"unset": UNSET}
    overlay = _overlay(whole) | {"description": "What differs in this environment."}
    whole["properties"] = whole["properties"] | {
        "environments": {
            "type": "object",
            "description": "Environments by name, each an overlay: mappings merge, named lists merge by `name`, "
            "everything else replaces; `$unset: true` deletes.",
            "additionalProperties": {"anyOf": [overlay, {"type": "null"}]},
        }
    }
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": "https://llmspec.dev/schema/v1alpha1/llm.schema.json",
        "title": "llm.yaml",
        **whole,
        "definitions": dict(sorted(definitions.items())),
    }


def _overlay(schema: Any) -> Any:
    """The same with nothing required and everything removable: an overlay says only what differs."""
    if isinstance(schema, list):
        return [_overlay(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if "$ref" in schema:
        return {"$ref": f"{schema['$ref']}.overlay"}
    loose = {key: _overlay(value) for key, value in schema.items() if key not in ("required", "properties", "default")}
    if "oneOf" in loose:  # without a `kind` it may be any
        loose["anyOf"] = loose.pop("oneOf")
    if "properties" in schema:
        loose["properties"] = {key: _removable(value) for key, value in schema["properties"].items()}
        loose["properties"]["$unset"] = {"const": True, "description": "Remove this item of the list."}
    return loose


def _removable(schema: Schema) -> Schema:
    loose = _overlay(schema)
    words = {key: loose.pop(key) for key in ("description",) if key in loose}
    return {**words, "anyOf": [loose, {"$ref": "#/definitions/unset"}]}


def _section(section: type[Section], definitions: Schema) -> Schema:
    fields = msgspec.structs.fields(section)
    properties: Schema = {}
    if issubclass(section, Part):
        properties["kind"] = {"const": section.kind, "description": (section.__doc__ or "").split("\n")[0]}
    for field in fields:
        properties[key(field.encode_name)] = _field(field, definitions)
    required = [key(field.encode_name) for field in fields if field.required]
    return {
        "type": "object",
        "description": (section.__doc__ or "").split("\n\n")[0].replace("\n    ", " ").strip(),
        "properties": properties,
        "required": (["kind"] if issubclass(section, Part) else []) + required,
        "additionalProperties": False,
        "patternProperties": {"^x-": {}},
    }


def key(encoded: str) -> str:
    """A field's key as users write it."""
    return encoded.rstrip("_")


def _field(field: Any, definitions: Schema) -> Schema:
    schema = _type(field.type, definitions)
    default = field.default
    if (
        default is not NODEFAULT
        and default is not None
        and isinstance(default, (str, int, float, bool))
        and not isinstance(default, Measured)
    ):
        schema = {**schema, "default": default}
    return schema


def _type(type_: Any, definitions: Schema) -> Schema:  # noqa: PLR0911 - a table in the form of ifs
    origin, arguments = get_origin(type_), get_args(type_)
    if origin is Annotated:
        return _annotated(arguments, definitions)
    if origin in (Union, UnionType):
        inner = _type(next(each for each in arguments if each is not type(None)), definitions)
        return {"anyOf": [inner, {"type": "null"}]}
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin is tuple:
        return {"type": "array", "items": _type(arguments[0], definitions)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _type(arguments[1], definitions)}
    if is_family(type_):
        return _family(type_, definitions)
    if isinstance(type_, type) and issubclass(type_, Section):
        if type_.__name__ not in definitions:
            definitions[type_.__name__] = {}
            definitions[type_.__name__] = _section(type_, definitions)
        return {"$ref": f"#/definitions/{type_.__name__}"}
    return _scalar(type_)


def _annotated(arguments: tuple[Any, ...], definitions: Schema) -> Schema:
    schema = _type(arguments[0], definitions)
    meta: Schema = {}
    for each in arguments[1:]:
        if isinstance(each, Meta):
            names = {"description": "description", "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum"}
            names |= {"max_length": "maxLength", "pattern": "pattern"}
            meta |= {theirs: getattr(each, ours) for ours, theirs in names.items() if getattr(each, ours) is not None}
    # Beside `$ref`, draft-07 ignores everything, so the description goes around it.
    return {**meta, "allOf": [schema]} if "$ref" in schema and meta else {**schema, **meta}


def _family(family: Any, definitions: Schema) -> Schema:
    name = family.__name__
    if name not in definitions:
        definitions[name] = {}
        rows = members(family)
        for kind, member in rows.items():
            definitions[f"{name}.{kind}"] = _section(member, definitions)
        refs = [{"$ref": f"#/definitions/{name}.{kind}"} for kind in rows]
        definitions[name] = {"description": (family.__doc__ or "").split("\n")[0], "oneOf": refs}
    return {"$ref": f"#/definitions/{name}"}


def _scalar(type_: Any) -> Schema:
    if type_ is Any:
        return {}
    if issubclass(type_, Text):
        return {"type": "string", "pattern": f"^{type_.pattern}$", "examples": [type_.example.strip('"')]}
    if issubclass(type_, Measured):
        schema = {"type": "string", "pattern": f"^{type_.pattern}$", "examples": [type_.example]}
        return {"anyOf": [schema, {"type": "number"}]} if type_.bare else schema
    return {"type": {int: "integer", float: "number", bool: "boolean", str: "string"}[type_]}
