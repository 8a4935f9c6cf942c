"""The tables of the engines decode, name their sources, and their spans fit each other."""

import json
import re
from itertools import pairwise

import msgspec
import pytest

from llmspec.catalog.releases import FOLDER, Table, engines, holding, known, order, table

CAPABILITIES = {"7.5", "8.0", "8.6", "8.9", "9.0", "10.0", "10.3", "12.0", "12.1"}
TYPES = {"any", "boolean", "flag", "integer", "list", "number", "object", "string"}
KINDS = ("quantizations", "kv_caches")

pytestmark = pytest.mark.parametrize("engine", engines())


def every_span(engine):
    """Each name's rows in a table, with where they are."""
    rows = table(engine)
    groups = {f"commands.{name}": each for name, each in rows.commands.items()}
    groups |= {f"names.{name}": each for name, each in rows.names.items()}
    groups |= {"words": rows.words, **{kind: getattr(rows, kind) for kind in KINDS}}
    return [(f"{group}.{name}", spans) for group, names in groups.items() for name, spans in names.items()]


def every_option(engine):
    return [
        (command, name, spans) for command, names in table(engine).commands.items() for name, spans in names.items()
    ]


def every_support(engine):
    return [
        (f"{kind}.{name}", row)
        for kind in KINDS
        for name, spans in getattr(table(engine), kind).items()
        for row in spans
    ]


def begins(row):
    return order(row.since) if row.since else ((-1,), 0, 0)


def first(engine):
    return next(iter(table(engine).releases))


def newest(engine):
    return table(engine).newest_version


def named(text):
    """Options that a text names in backticks, bare or with a value."""
    return {found.partition(":")[0] for found in re.findall(r"`([A-Za-z_][\w.-]*)(?::[^`]*)?`", text)}


def test_a_table_decodes_strictly(engine):
    text = (FOLDER / f"{engine}.json").read_text(encoding="utf-8")
    read = msgspec.json.decode(text, type=Table, strict=True)
    assert read.title
    assert read.releases
    keys = []
    json.loads(text, object_pairs_hook=lambda items: keys.append([key for key, _ in items]))
    assert all(len(each) == len(set(each)) for each in keys), "a key is there twice"


def test_every_release_names_its_source(engine):
    for version, row in table(engine).releases.items():
        assert len(row.source) > 20, version
        assert order(version)[0], version
        assert row.driver or not row.cuda, version


def test_spans_are_ordered_and_do_not_overlap(engine):
    for where, spans in every_span(engine):
        assert spans, where
        assert all(not row.until or begins(row) < order(row.until) for row in spans), where
        for before, after in pairwise(sorted(spans, key=begins)):
            assert before.until, where
            assert order(before.until) <= begins(after), where


def test_nothing_is_there_that_no_release_shows(engine):
    """But for what ended before the first one, and then with what to write instead."""
    for where, spans in every_span(engine):
        for row in spans:
            is_shown = any(holding((row,), version) for version in table(engine).releases)
            is_past = bool(row.until) and order(row.until) <= order(first(engine))
            assert is_shown or (is_past and getattr(row, "instead", "")), (where, row)


def test_no_edge_lies_after_the_newest_release(engine):
    for where, spans in every_span(engine):
        edges = [order(edge) for row in spans for edge in (row.since, row.until) if edge]
        assert all(edge[0] and edge <= order(newest(engine)) for edge in edges), where


def test_an_option_that_is_gone_says_what_to_write_instead(engine):
    for command, name, spans in every_option(engine):
        if holding(spans, newest(engine)) is None:
            assert max(spans, key=begins).instead, (command, name)


def test_what_is_to_be_written_instead_is_there(engine):
    for command, name, spans in every_option(engine):
        there = known(engine, newest(engine)).options(command)
        missing = {word for row in spans for word in named(row.instead) if word not in there}
        assert not missing, (command, name, missing)


def test_options_are_of_known_types_and_choices_fit_them(engine):
    for command, name, spans in every_option(engine):
        for row in spans:
            assert row.type in TYPES, (command, name)
            assert not row.choices or row.type not in {"boolean", "flag", "object"}, (command, name)
            if row.choices and row.default is not None:
                values = row.default if isinstance(row.default, list) else [row.default]
                assert set(map(str, values)) <= set(row.choices), (command, name)


def test_other_names_are_of_an_option_that_is_there(engine):
    for command, name, spans in every_option(engine):
        for row in spans:
            match = re.match(r"(?:another name|the opposite) of `([\w-]+)`", row.note)
            if match and not row.instead:
                version = row.since or first(engine)
                assert holding(table(engine).commands[command][match[1]], version), (command, name)


def test_capabilities_are_known_and_weight_only_ones_are_among_them(engine):
    for where, row in every_support(engine):
        assert set(row.capabilities) <= CAPABILITIES, where
        assert set(row.weight_only) <= set(row.capabilities), where
        assert list(row.capabilities) == sorted(set(row.capabilities), key=order), where
        assert len(row.source) > 20, where


def test_our_metrics_are_shown_by_every_release(engine):
    for version in table(engine).releases:
        release = known(engine, version)
        shown = release.names("metrics")
        words = {release.word(word) for word in table(engine).words}
        assert {word for word in words if word.startswith(f"{engine}:")} <= shown, version
