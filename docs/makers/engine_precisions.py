"""Of an engine's page: what it computes in, keeps its KV cache in, and reads that ModelOpt makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from makers.engine_tables import as_of, choices, kinds, label, span
from makers.markdown import grid, named

from llmspec.catalog.releases import Support, Table, order, table
from llmspec.catalog.tables import gpus
from llmspec.families import Engine
from llmspec.part import members
from llmspec.parts.server import Server
from llmspec.spec.quantization import Quantization

NO, ONLY = "\N{EN DASH}", "weights only"


def making() -> Iterator[str]:
    """What the quantizing job makes, and which engine reads it."""
    rows = table("modelopt")
    readers = [(kind, members(Engine)[kind]) for kind in kinds() if issubclass(members(Engine)[kind], Server)]
    yield "\n## What the quantizing Job makes\n\n"
    yield (
        f"ModelOpt {rows.newest_version} makes these from a checkpoint that is not quantized, and the newest release "
        "of each engine reads them on GPUs of these compute capabilities:\n\n"
    )
    head = ("`method`", *(f"`{kind}`" for kind, _ in readers))
    yield grid(
        head,
        ((f"`{method}`", *(_reads(engine, method) for _, engine in readers)) for method in sorted(rows.quantizations)),
    )
    yield from families(rows, "Families of models that ModelOpt lists")


def _reads(engine: type[Engine], method: str) -> str:
    version = table(engine.table).newest_version
    row = as_of(table(engine.table), version).quantization(method, "modelopt")
    return ", ".join(row.capabilities) if row else NO


def precisions(engine: type[Engine], rows: Table) -> Iterator[str]:
    yield "\n## Precisions\n\n"
    methods = [*choices(Quantization, "method"), *choices(engine, "precision")]
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
        yield from ((f"{label(name)}{span(row)}", row) for row in spans)


def _checkpoints(engine: type[Engine], rows: Table) -> Iterator[str]:
    """What the table cannot say."""
    if any("/" in name for name in rows.quantizations):
        yield (
            "A line with `quant_method` is for checkpoints whose `config.json` has that; the line without, for all "
            "others of that `method`."
        )
    if "none" not in rows.quantizations:
        chosen = "`engine.precision` counts" if choices(engine, "precision") else "nothing is held against the GPU"
        yield f"`none` has no line: where nothing is quantized, {chosen}."
    known = as_of(rows, rows.newest_version)
    if known.names("modelopt"):
        yield f"Of ModelOpt's checkpoints it reads {named(sorted(known.names('modelopt')))}."
    if known.names("online"):
        yield f"While it loads a checkpoint it can make {named(sorted(known.names('online')))}, without calibration."


def kv_caches(engine: type[Engine], rows: Table) -> Iterator[str]:
    if "quantization" not in engine.takes:
        return
    yield "\n## Precisions of the KV cache\n\n"
    asked = [each for each in choices(Quantization, "kv_cache") if each != "auto"]
    if not rows.kv_caches:
        yield f"There is none to choose: {named(asked)} are refused.\n"
        return
    lines: list[tuple[str, Support | None]] = []
    for name in dict.fromkeys(each.removesuffix("-cast") for each in asked):
        ours = named(each for each in asked if each.removesuffix("-cast") == name)
        spans = rows.kv_caches.get(name, ())
        lines += [(f"{ours}{span(row)}", row) for row in spans] or [(ours, None)]
    yield _gpu_table("`kvCache`", lines)
    words = [f"`{word}` is its `{each[-1].name}`." for word, each in rows.kv_caches.items() if each[-1].name != word]
    yield " ".join(("\n`fp8` needs a checkpoint with scales, `fp8-cast` takes them to be 1.", *words)) + "\n"


def _gpu_table(head: str, lines: Iterable[tuple[str, Support | None]]) -> str:
    owners: dict[str, list[str]] = {}
    for key, gpu in gpus().items():
        owners.setdefault(gpu.compute_capability, []).append(key)
    columns = sorted(owners, key=order)
    titles = [f"{each}<br>{'<br>'.join(owners[each])}" for each in columns]
    return grid((head, *titles), ((label, *(_cell(row, each) for each in columns)) for label, row in lines))


def _cell(row: Support | None, capability: str) -> str:
    if row is None or capability not in row.capabilities:
        return NO
    return ONLY if capability in row.weight_only else "✓"


def families(rows: Table, title: str = "Families of models") -> Iterator[str]:
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
    yield grid(("family", "precisions"), ((named(each), named(methods)) for methods, each in alike.items()))
