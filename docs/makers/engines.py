"""The pages of engines, from their parts and the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from textwrap import fill
from typing import Any, Literal, get_args, get_origin

import msgspec

from llmspec.catalog.releases import Known, Option, Release, Row, Support, Table, engines, holding, order, table
from llmspec.catalog.tables import gpus, images
from llmspec.compiler import parts
from llmspec.families import Engine
from llmspec.part import members
from llmspec.parts.server import CONFIG, SETTINGS, Server
from llmspec.parts.tensorrt.steps import CALIBRATED
from llmspec.spec.quantization import Quantization

MADE = "This page is made from the catalogue and the engine's part (`make docs`)."
EMITTED = {
    "tensorrt": (
        ("docker/<model>/", "the image that serves: Triton, with the TensorRT that built the plans"),
        ("docker/<model>-build/", "the image that builds, its `build.sh`, and the model repository without plans"),
        ("engine/<model>/steps.json", "the same steps as data, for `llmspec engine build`"),
        ("triton/<model>…/", "the model repository, to read: with `tokenizer` an ensemble of tokenizer and plan"),
        ("kubernetes/<model>-build…/", "a Job for each compute capability that a plan is built for"),
        ("kubernetes/<model>/", "what serves: its pods wait until the plans lie on the shared volume"),
    ),
}
SERVED = (
    ("docker/<model>/", "the image that serves"),
    (f"engine/<model>/{CONFIG}", f"the options, which every pod has as `{SETTINGS}/{CONFIG}`"),
    ("kubernetes/<model>/", "its Deployment, and what is around it"),
)
SPANNING = ("kubernetes/<model>/leaderworkerset.yaml", "instead of the Deployment, where a replica needs several nodes")
QUANTIZED = (
    ("docker/<model>-quantize/", "where `quantization` has `calibration`: the image and script of the quantizing Job"),
    ("kubernetes/<model>-quantize/", "that Job, which writes a checkpoint of its own beside the weights"),
)
NOTES = {
    "vllm": "It reads the checkpoint as it is: nothing is compiled before it is served. Replicas of several nodes are "
    "started by `nnodes`, `node-rank` and `master-addr`, without Ray.",
    "tensorrt": "A plan is built on the kind of GPU that will run it, by a Job or by `llmspec engine build` on such a "
    "machine ([how](building.md)), and runs on the release of TensorRT that built it: both images are of one month. "
    f"The build quantizes a graph to {' or '.join(f'`{method}`' for method in CALIBRATED)}, calibrated with texts.",
    "tensorrt-llm": "`backend: pytorch` reads a checkpoint and compiles nothing before. `backend: tensorrt` runs "
    "`quantize.py` and `trtllm-build` in a Job; releases after 1.3.0rc20 have neither ([how](building.md)).",
}
MEASURED = {
    "computeDuration": "time that a model computes",
    "errors": "requests that failed",
    "executions": "batches that were run",
    "failures": "requests that failed",
    "generationTokens": "tokens that were generated",
    "gpuMemoryTotal": "memory of the GPU",
    "gpuMemoryUsed": "memory of the GPU that is used",
    "gpuUtilization": "share of time that the GPU works",
    "inferences": "items that were inferred",
    "interTokenLatency": "time between two tokens",
    "kvCacheUsage": "share of the KV cache that is used",
    "preemptions": "requests that were put back for want of KV cache",
    "prefixCacheHitRate": "share of the prompts' KV cache that was there",
    "promptTokens": "tokens of prompts",
    "queueDuration": "time that requests wait",
    "queueTime": "time that a request waits",
    "requestDuration": "time of requests, from arrival to answer",
    "requestLatency": "time of a request, from arrival to the last token",
    "requestSummary": "quantiles of that time",
    "requests": "requests that were answered",
    "requestsRunning": "requests that are worked on",
    "requestsWaiting": "requests that wait; autoscaling looks at it",
    "timeToFirstResponse": "time to the first answer",
    "timeToFirstToken": "time to the first token",
}
"""What is measured, by our word. A word that is neither here nor an address is listed with the rest."""
ADDRESSES = ("path", "port", "host")
NO, ONLY = "\N{EN DASH}", "weights only"


def kinds() -> list[str]:
    """The engines that have a page."""
    parts()
    return [kind for kind, engine in members(Engine).items() if engine.table in engines()]


def page(kind: str) -> str:
    """The page of one engine."""
    engine = members(Engine)[kind]
    rows = table(engine.table)
    sections = (
        _head(engine, rows),
        _releases(rows),
        _precisions(engine, rows),
        _kv_caches(engine, rows),
        _families(rows),
        _words(rows),
        _parsers(rows),
        _options(engine, rows),
        _sources(rows),
    )
    return "".join("".join(section) for section in sections)


def index() -> str:
    """The table of all engines and of what they are built with."""
    shown = [(kind, members(Engine)[kind]) for kind in kinds()]
    rows = (
        (f"[`{kind}`]({kind}.md)", _line(engine), ", ".join(engine.tasks), _spanned(table(engine.table)))
        for kind, engine in shown
    )
    tools = [table(name) for name in sorted({name for _, engine in shown for name in _tools(table(engine.table))})]
    return (
        "# Engines\n\n"
        "An engine is what runs a network: `engine.kind` of a model. What each release of it has — images, options, "
        "metrics, precisions — stands in one file of `llmspec/catalog/engines/`, with its sources, and `llmspec check` "
        "holds every spec against it. These pages are made from the same files (`make docs`).\n\n"
        + _table(("engine", "what it is", "tasks", "releases"), rows)
        + "\nWhat they are built with and run in:\n\n"
        + _table(("tool", "releases"), ((each.title, _spanned(each)) for each in tools))
        + "\n[Building](building.md) says how a TensorRT plan and a quantized checkpoint come about. For a release "
        "that the catalogue lacks, `assumeLike` names one that it has, where images are named after releases: the "
        "image is the new release's, everything else is taken to be as in the old one, and a warning says so.\n"
        + "".join(_making())
    )


def _making() -> Iterator[str]:
    """What the quantizing job makes, and which engine reads it."""
    rows = table("modelopt")
    readers = [(kind, members(Engine)[kind]) for kind in kinds() if issubclass(members(Engine)[kind], Server)]
    yield "\n## What the quantizing Job makes\n\n"
    yield (
        f"ModelOpt {_newest(rows)} makes these from a checkpoint that is not quantized, and the newest release of each "
        "engine reads them on GPUs of these compute capabilities:\n\n"
    )
    head = ("`method`", *(f"`{kind}`" for kind, _ in readers))
    yield _table(
        head,
        ((f"`{method}`", *(_reads(engine, method) for _, engine in readers)) for method in sorted(rows.quantizations)),
    )
    yield from _families(rows, "Families of models that ModelOpt lists")


def _reads(engine: type[Engine], method: str) -> str:
    version = _newest(table(engine.table))
    row = _as_of(table(engine.table), version).quantization(method, "modelopt")
    return ", ".join(row.capabilities) if row else NO


def _head(engine: type[Engine], rows: Table) -> Iterator[str]:
    yield f"# {rows.title}\n\n{MADE}\n\n{_whole(engine)}\n"
    if engine.kind in NOTES:
        yield f"\n{NOTES[engine.kind]}\n"
    spans = "may run on several nodes" if engine.spans_nodes else "runs on one node"
    yield (
        f"\n`engine: {{kind: {engine.kind}}}` serves the tasks {_named(engine.tasks)}; a replica {spans}. Of the keys "
        f"that not every engine heeds it takes {_named(engine.takes)}. "
        f"[Its own keys](../reference/language.md#kind-{engine.kind}): {_named(_keys(engine))}.\n"
    )
    emitted = (*EMITTED.get(engine.kind, ()), *_served(engine))
    if emitted:
        yield "\n## What is emitted\n\n"
        yield _table(("path", "what"), ((f"`{path}`", what) for path, what in emitted))


def _served(engine: type[Engine]) -> Iterator[tuple[str, str]]:
    """Paths of what every server of language models has."""
    if issubclass(engine, Server):
        yield from SERVED
        yield from [SPANNING] * engine.spans_nodes
        yield from QUANTIZED if "quantization" in engine.takes else ()


def _releases(rows: Table) -> Iterator[str]:
    yield "\n## Releases\n\n"
    pins = sorted({name for each in rows.releases.values() for name in each.pins})
    uses = [] if _is_named(rows) else sorted({use for each in rows.releases.values() for use in each.images})
    columns = ("version", "date", "CUDA", "driver from", *(f"image to {use}" for use in uses), *pins)
    lines = [_release(version, each, uses, pins) for version, each in rows.releases.items()]
    filled = [number for number in range(len(columns)) if any(line[number] for line in lines)]
    yield _table([columns[number] for number in filled], ([line[number] for number in filled] for line in lines))
    if _is_named(rows):
        named = " and ".join(f"`{pattern}`" for pattern in rows.images.values())
        yield f"\nImage: {named}."
    else:
        yield (
            "\nThe names of the images do not follow from the version, so `assumeLike` cannot stand in for a release "
            "that is not listed."
        )
    pinned = [each for release in rows.releases.values() for each in release.images.values() if each in images()]
    yield f" Digests in the catalogue: {_named(dict.fromkeys(pinned)) or 'none'}; `llmspec lock` asks the registry "
    yield "for others.\n"
    if any("!=" in pin for each in rows.releases.values() for pin in each.pins.values()):
        yield "\nOf ranges only the ends are shown, not what they leave out (`!=`).\n"


def _release(version: str, release: Release, uses: list[str], pins: list[str]) -> list[str]:
    named = [f"`{release.images[use]}`" if use in release.images else "" for use in uses]
    return [
        f"`{version}`", release.date, release.cuda, str(release.driver or ""), *named,
        *(_ends(release.pins.get(name, "")) for name in pins),
    ]  # fmt: skip


def _ends(pin: str) -> str:
    return ", ".join(sorted((each for each in pin.split(",") if not each.startswith("!=")), reverse=True))


def _is_named(rows: Table) -> bool:
    """Whether all images are named by the pattern of a release that is not known."""
    expected = ({use: name.format(version=version) for use, name in rows.images.items()} for version in rows.releases)
    return all(release.images == names for release, names in zip(rows.releases.values(), expected, strict=True))


def _precisions(engine: type[Engine], rows: Table) -> Iterator[str]:
    yield "\n## Precisions\n\n"
    methods = [*_choices(Quantization, "method"), *_choices(engine, "precision")]
    lines = [line for method in methods for line in _supports(method, rows)]
    yield _gpu_table("`method`", lines)
    yield f"\n✓: weights and activations; {ONLY}: kept in the format, computed with in 16 bit, a warning where other "
    yield f"GPUs do better ([LS392](../codes/LS392.md)); {NO}: refused ([LS377](../codes/LS377.md), "
    yield "[LS311](../codes/LS311.md)).\n"
    said = list(_checkpoints(engine, rows))
    yield "\n" + " ".join(said) + "\n" if said else ""


def _supports(method: str, rows: Table) -> Iterator[tuple[str, Support | None]]:
    """A line for each span of releases, and for what quantized the checkpoint where that makes a difference."""
    found = {name: spans for name, spans in rows.quantizations.items() if name.partition("/")[0] == method}
    if not found and method != "none":
        yield f"`{method}`", None
    for name, spans in sorted(found.items()):
        yield from ((f"{_label(name)}{_span(row)}", row) for row in spans)


def _label(name: str) -> str:
    """The name of a row of quantizations."""
    method, _, maker = name.partition("/")
    return f"`{method}`" + f", `quant_method: {maker}`" * bool(maker)


def _checkpoints(engine: type[Engine], rows: Table) -> Iterator[str]:
    """What the table cannot say."""
    if any("/" in name for name in rows.quantizations):
        yield (
            "A line with `quant_method` is for checkpoints whose `config.json` has that; the line without, for all "
            "others of that `method`."
        )
    if "none" not in rows.quantizations:
        chosen = "`engine.precision` counts" if _choices(engine, "precision") else "nothing is held against the GPU"
        yield f"`none` has no line: where nothing is quantized, {chosen}."
    known = _as_of(rows, _newest(rows))
    if known.names("modelopt"):
        yield f"Of ModelOpt's checkpoints it reads {_named(sorted(known.names('modelopt')))}."
    if known.names("online"):
        yield f"While it loads a checkpoint it can make {_named(sorted(known.names('online')))}, without calibration."


def _kv_caches(engine: type[Engine], rows: Table) -> Iterator[str]:
    if "quantization" not in engine.takes:
        return
    yield "\n## Precisions of the KV cache\n\n"
    asked = [each for each in _choices(Quantization, "kv_cache") if each != "auto"]
    if not rows.kv_caches:
        yield f"There is none to choose: {_named(asked)} are refused.\n"
        return
    lines: list[tuple[str, Support | None]] = []
    for name in dict.fromkeys(each.removesuffix("-cast") for each in asked):
        ours = _named(each for each in asked if each.removesuffix("-cast") == name)
        spans = rows.kv_caches.get(name, ())
        lines += [(f"{ours}{_span(row)}", row) for row in spans] or [(ours, None)]
    yield _gpu_table("`kvCache`", lines)
    words = [f"`{word}` is its `{each[-1].name}`." for word, each in rows.kv_caches.items() if each[-1].name != word]
    yield " ".join(("\n`fp8` needs a checkpoint with scales, `fp8-cast` takes them to be 1.", *words)) + "\n"


def _gpu_table(head: str, lines: Iterable[tuple[str, Support | None]]) -> str:
    owners: dict[str, list[str]] = {}
    for key, gpu in gpus().items():
        owners.setdefault(gpu.compute_capability, []).append(key)
    columns = sorted(owners, key=order)
    titles = [f"{each}<br>{'<br>'.join(owners[each])}" for each in columns]
    return _table((head, *titles), ((label, *(_cell(row, each) for each in columns)) for label, row in lines))


def _cell(row: Support | None, capability: str) -> str:
    if row is None or capability not in row.capabilities:
        return NO
    return ONLY if capability in row.weight_only else "✓"


def _families(rows: Table, title: str = "Families of models") -> Iterator[str]:
    yield f"\n## {title}\n\n"
    if not rows.families:
        yield f"The catalogue has no list of precisions by family from {rows.title}'s documentation.\n"
        return
    yield (
        f"Precisions that the documentation of {rows.title} lists, by the `model_type` of `config.json`. It is advice: "
        "what is not listed is a warning ([LS393](../codes/LS393.md)), and a family that is not listed is not judged.\n"
        "\n"
    )
    alike: dict[tuple[str, ...], list[str]] = {}
    for family, methods in rows.families.items():
        alike.setdefault(methods, []).append(family)
    yield _table(("family", "precisions"), ((_named(each), _named(methods)) for methods, each in alike.items()))


def _words(rows: Table) -> Iterator[str]:
    for server in (rows, *_servers(rows)):
        if not server.words:
            continue
        of = "" if server is rows else f" of {server.title}"
        metrics = {word: spans for word, spans in server.words.items() if word in MEASURED}
        addresses = {word: spans for word, spans in server.words.items() if word.lower().endswith(ADDRESSES)}
        rest = {word: spans for word, spans in server.words.items() if word not in metrics | addresses}
        yield f"\n## Metrics{of}\n\n"
        lines = ((f"`{word}`", MEASURED[word], _names(spans)) for word, spans in metrics.items())
        yield _table(("our word", "what is measured", "its name"), lines)
        yield f"\n## Ports and paths{of}\n\n"
        yield _table(("our word", "value"), ((f"`{word}`", _names(spans)) for word, spans in addresses.items()))
        if rest:
            yield "\nFurther: " + "; ".join(f"`{word}` is {_names(spans)}" for word, spans in rest.items()) + ".\n"


def _servers(rows: Table) -> list[Table]:
    """Tables of what the newest release's images carry."""
    return [table(name) for name in _tools(rows)]


def _tools(rows: Table) -> list[str]:
    """Tables of the tools that the releases pin."""
    pinned = {name for release in rows.releases.values() for name in release.pins}
    return [name for name in engines() if name in pinned and not _serves(name)]


def _serves(name: str) -> bool:
    return any(engine.table == name for engine in members(Engine).values())


def _names(spans: Iterable[Any]) -> str:
    return "; ".join(f"`{row.name}`{_span(row)}" for row in spans)


def _parsers(rows: Table) -> Iterator[str]:
    known = {kind: spans for kind, spans in rows.names.items() if kind in ("toolCallParsers", "reasoningParsers")}
    if not known:
        return
    yield "\n## Parsers\n\nNames of the newest release; in brackets the release that one came with.\n"
    for kind, spans in sorted(known.items(), reverse=True):
        held = {name: row for name, each in spans.items() if (row := holding(each, _newest(rows)))}
        listed = ", ".join(f"`{name}`" + f" ({row.since})" * bool(row.since) for name, row in sorted(held.items()))
        key = kind.removesuffix("s")
        yield f"\n{_wrapped(f'* `{key}`: {listed}.')}\n"


def _options(engine: type[Engine], rows: Table) -> Iterator[str]:
    yield "\n## Options\n\n"
    newest, oldest = _newest(rows), next(iter(rows.releases))
    held = {name: len(_as_of(rows, newest).options(name)) for name in rows.commands}
    if engine.command:
        before = len(_as_of(rows, oldest).options(engine.command))
        yield (
            f"`llmspec` checks `engine.{_added(engine)}` against {held[engine.command]} options of `{engine.command}` "
            f"of {newest} ({before} of {oldest}): names, types, choices, and what is set elsewhere in the spec.\n"
        )
    others = [name for name, count in held.items() if count and name != engine.command]
    if others:
        known = " and ".join(f"{held[name]} options of `{name}`" for name in others)
        yield "\n" * bool(engine.command)
        yield f"The catalogue also has {known} of {newest}, which llmspec writes itself: a spec adds none.\n"
    for command in rows.commands:
        yield from _gone(command, rows, is_whole=not held[command])
        yield from _deprecated(command, rows)


def _added(engine: type[Engine]) -> str:
    """The key that takes further options."""
    fields = msgspec.structs.fields(engine)
    return next((str(each.encode_name) for each in fields if get_origin(_bare(each.type)) is dict), "args")


def _gone(command: str, rows: Table, *, is_whole: bool) -> Iterator[str]:
    known = _as_of(rows, _newest(rows))
    held = known.options(command)
    past = {name: row for name in rows.commands[command] if name not in held and (row := known.gone(command, name))}
    if not past:
        return
    if is_whole:
        last = max(past.values(), key=lambda row: order(row.until))
        instead = max((row.instead for row in past.values()), key=[row.instead for row in past.values()].count)
        yield f"\n`{command}` is gone since {last.until}, with its {len(past)} options. Instead: {instead}.\n"
        return
    yield f"\n### Options of `{command}` that are gone\n\n"
    alike: dict[tuple[str, str], list[str]] = {}
    for name, row in sorted(past.items(), key=lambda item: (order(item[1].until), item[0])):
        alike.setdefault((row.until, row.instead), []).append(name)
    lines = ((_named(names), until, _escaped(instead)) for (until, instead), names in alike.items())
    yield _table(("option", "gone since", "instead"), lines)


def _deprecated(command: str, rows: Table) -> Iterator[str]:
    held = _as_of(rows, _newest(rows)).options(command)
    past = {name: row for name, row in sorted(held.items()) if row.deprecated}
    if past:
        yield f"\n### Options of `{command}` that are deprecated\n\n"
        lines = ((f"`{name}`", row.deprecated, _escaped(_advice(row))) for name, row in past.items())
        yield _table(("option", "since", "what is said of it"), lines)


def _advice(option: Option) -> str:
    return f"write {option.instead}" if option.instead else option.note


def _sources(rows: Table) -> Iterator[str]:
    yield "\n## Sources\n\nOf the releases:\n\n"
    alike: dict[str, list[str]] = {}
    for version, release in rows.releases.items():
        alike.setdefault(_general(version, release), []).append(version)
    for source, versions in alike.items():
        said = source if len(versions) > 1 else rows.releases[versions[0]].source
        yield f"* {_listed(versions, list(rows.releases))}: {said}\n"
    for what, table_ in (("precisions", rows.quantizations), ("precisions of the KV cache", rows.kv_caches)):
        by_source: dict[str, list[str]] = {}
        for name, spans in table_.items():
            for row in spans:
                by_source.setdefault(row.source, []).append(f"{_label(name)}{_span(row)}")
        if by_source:
            yield f"\nOf the {what}:\n\n"
            yield from (
                f"* {'; '.join(names)}: {source or 'those of the releases'}\n" for source, names in by_source.items()
            )


def _general(version: str, release: Release) -> str:
    """The source without what differs from release to release."""
    text = release.source.replace(version, "of that release")
    for name, pin in release.pins.items():
        text = text.replace(f"{name} {pin}", f"its {name}")
    return text


def _listed(versions: list[str], known: list[str]) -> str:
    """Releases, those that follow each other as a span."""
    first, last = known.index(versions[0]), known.index(versions[-1])
    is_span = len(versions) > 2 and known[first : last + 1] == versions  # noqa: PLR2004 - two are listed
    return f"{versions[0]} to {versions[-1]}" if is_span else ", ".join(versions)


def _spanned(rows: Table) -> str:
    versions = list(rows.releases)
    if len(versions) == 1:
        return versions[0]
    return f"{len(versions)}, from {versions[0]} to {versions[-1]}"


def _span(row: Row) -> str:
    """The releases that a row holds for, after its name."""
    begin = f" from {row.since}" if row.since else ""
    end = f" before {row.until}" if row.until else ""
    return f"{begin}{',' * bool(begin and end)}{end}"


def _as_of(rows: Table, release: str) -> Known:
    """What is known as of a release; a table is read once, so that it can be told by itself."""
    return Known(next(name for name in engines() if table(name) is rows), release, release)


def _newest(rows: Table) -> str:
    return list(rows.releases)[-1]


def _keys(engine: type[Engine]) -> list[str]:
    return [str(each.encode_name) for each in msgspec.structs.fields(engine)]


def _choices(section: Any, field: str) -> tuple[str, ...]:
    """The words that a field can have; none where there is no such field."""
    types = [each.type for each in msgspec.structs.fields(section) if each.name == field]
    return tuple(word for type_ in types for word in _literals(type_))


def _literals(type_: Any) -> Iterator[str]:
    for each in get_args(type_):
        if get_origin(type_) is Literal:
            yield each
        else:
            yield from _literals(each)


def _bare(type_: Any) -> Any:
    """A type without its annotations."""
    return get_args(type_)[0] if hasattr(type_, "__metadata__") else type_


def _line(section: Any) -> str:
    """The beginning of the docstring, up to the first full stop."""
    return _whole(section).partition(". ")[0].rstrip(".")


def _whole(section: Any) -> str:
    return " ".join((section.__doc__ or "").split())


def _named(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


def _wrapped(text: str) -> str:
    return fill(text, 118, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")


def _table(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    titles = list(head)
    rows = ([f"| {' | '.join(titles)} |", f"|{'---|' * len(titles)}"], [f"| {' | '.join(line)} |" for line in lines])
    return "".join(f"{row}\n" for part in rows for row in part)
