"""The pages of engines, from their parts and the catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from makers.engine_options import options, parsers
from makers.engine_precisions import families, kv_caches, making, precisions
from makers.engine_tables import kinds, label, span
from makers.markdown import grid, line, named, whole

from llmspec.catalog.releases import Release, Table, engines, table
from llmspec.catalog.tables import images
from llmspec.families import Engine
from llmspec.part import members
from llmspec.parts.server import CONFIG, SETTINGS, Server
from llmspec.parts.tensorrt.steps import CALIBRATED

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


def page(kind: str) -> str:
    """The page of one engine."""
    engine = members(Engine)[kind]
    rows = table(engine.table)
    sections = (
        _head(engine, rows),
        _releases(rows),
        precisions(engine, rows),
        kv_caches(engine, rows),
        families(rows),
        _words(rows),
        parsers(rows),
        options(engine, rows),
        _sources(rows),
    )
    return "".join("".join(section) for section in sections)


def index() -> str:
    """The table of all engines and of what they are built with."""
    shown = [(kind, members(Engine)[kind]) for kind in kinds()]
    rows = (
        (f"[`{kind}`]({kind}.md)", line(engine), ", ".join(engine.tasks), _spanned(table(engine.table)))
        for kind, engine in shown
    )
    tools = [table(name) for name in sorted({name for _, engine in shown for name in _tools(table(engine.table))})]
    return (
        "# Engines\n\n"
        "An engine is what runs a network: `engine.kind` of a model. What each release of it has — images, options, "
        "metrics, precisions — stands in one file of `llmspec/catalog/engines/`, with its sources, and `llmspec check` "
        "holds every spec against it. These pages are made from the same files (`make docs`).\n\n"
        + grid(("engine", "what it is", "tasks", "releases"), rows)
        + "\nWhat they are built with and run in:\n\n"
        + grid(("tool", "releases"), ((each.title, _spanned(each)) for each in tools))
        + "\n[Building](building.md) says how a TensorRT plan and a quantized checkpoint come about. For a release "
        "that the catalogue lacks, `assumeLike` names one that it has, where images are named after releases: the "
        "image is the new release's, everything else is taken to be as in the old one, and a warning says so.\n"
        + "".join(making())
    )


def _head(engine: type[Engine], rows: Table) -> Iterator[str]:
    yield f"# {rows.title}\n\n{MADE}\n\n{whole(engine)}\n"
    if engine.kind in NOTES:
        yield f"\n{NOTES[engine.kind]}\n"
    spans = "may run on several nodes" if engine.spans_nodes else "runs on one node"
    yield (
        f"\n`engine: {{kind: {engine.kind}}}` serves the tasks {named(engine.tasks)}; a replica {spans}. Of the keys "
        f"that not every engine heeds it takes {named(engine.takes)}. "
        f"[Its own keys](../reference/language.md#kind-{engine.kind}): {named(_keys(engine))}.\n"
    )
    emitted = (*EMITTED.get(engine.kind, ()), *_served(engine))
    if emitted:
        yield "\n## What is emitted\n\n"
        yield grid(("path", "what"), ((f"`{path}`", what) for path, what in emitted))


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
    yield grid([columns[number] for number in filled], ([line[number] for number in filled] for line in lines))
    if _is_named(rows):
        patterns = " and ".join(f"`{pattern}`" for pattern in rows.images.values())
        yield f"\nImage: {patterns}."
    else:
        yield (
            "\nThe names of the images do not follow from the version, so `assumeLike` cannot stand in for a release "
            "that is not listed."
        )
    pinned = [each for release in rows.releases.values() for each in release.images.values() if each in images()]
    yield f" Digests in the catalogue: {named(dict.fromkeys(pinned)) or 'none'}; `llmspec lock` asks the registry "
    yield "for others.\n"
    if any("!=" in pin for each in rows.releases.values() for pin in each.pins.values()):
        yield "\nOf ranges only the ends are shown, not what they leave out (`!=`).\n"


def _release(version: str, release: Release, uses: list[str], pins: list[str]) -> list[str]:
    names = [f"`{release.images[use]}`" if use in release.images else "" for use in uses]
    return [
        f"`{version}`", release.date, release.cuda, str(release.driver or ""), *names,
        *(_ends(release.pins.get(name, "")) for name in pins),
    ]  # fmt: skip


def _ends(pin: str) -> str:
    return ", ".join(sorted((each for each in pin.split(",") if not each.startswith("!=")), reverse=True))


def _is_named(rows: Table) -> bool:
    """Whether all images are named by the pattern of a release that is not known."""
    expected = ({use: name.format(version=version) for use, name in rows.images.items()} for version in rows.releases)
    return all(release.images == names for release, names in zip(rows.releases.values(), expected, strict=True))


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
        yield grid(("our word", "what is measured", "its name"), lines)
        yield f"\n## Ports and paths{of}\n\n"
        yield grid(("our word", "value"), ((f"`{word}`", _names(spans)) for word, spans in addresses.items()))
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
    return "; ".join(f"`{row.name}`{span(row)}" for row in spans)


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
                by_source.setdefault(row.source, []).append(f"{label(name)}{span(row)}")
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


def _keys(engine: type[Engine]) -> list[str]:
    return [str(each.encode_name) for each in msgspec.structs.fields(engine)]
