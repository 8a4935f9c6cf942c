"""Choices: a `Part` is one alternative of a family, found by its folder or its entry point, chosen by its `kind`."""

from __future__ import annotations

import sys
from abc import ABCMeta
from importlib import import_module
from pathlib import Path as File
from typing import Any, ClassVar, Final, TypeVar, dataclass_transform

import msgspec

GROUP: Final = "llmspec.parts"
"""The entry-point group in which another distribution names a module whose parts are enrolled."""

_FAMILIES: Final[dict[type, dict[str, type]]] = {}
_FAILED: Final[dict[str, str]] = {}


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(msgspec.field,))
class _Meta(msgspec.StructMeta, ABCMeta):
    """Structs with keyword-only fields, whose methods may be abstract."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any], **config: Any) -> Any:
        return super().__new__(cls, name, bases, namespace, **{"kw_only": True, **config})


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", metaclass=_Meta):
    """A mapping that a user may write: keys in camelCase, unknown keys refused, values frozen."""


class Part(Section):
    """A named choice.

    A direct subclass is a family; a subclass of a family that sets `kind` is a member of it and needs no other
    registration. Two members of one family with the same `kind` are refused.
    """

    kind: ClassVar[str]

    def __init_subclass__(cls, **config: Any) -> None:
        super().__init_subclass__(**config)
        family = next((base for base in cls.__mro__ if Part in base.__bases__), None)
        if family is None or "kind" not in cls.__dict__:
            return
        members = _FAMILIES.setdefault(family, {})
        known = members.setdefault(cls.kind, cls)
        if known.__qualname__ != cls.__qualname__ or known.__module__ != cls.__module__:
            raise ValueError(f"two parts of kind {cls.kind}: {known.__module__} and {cls.__module__}")
        # msgspec builds a class twice when it has slots; the second is the one to use.
        members[cls.kind] = cls


P = TypeVar("P", bound=Part)


def is_family(kind_of: Any) -> bool:
    """Whether a type in a section stands for any member of a family."""
    return isinstance(kind_of, type) and Part in kind_of.__bases__


def members(family: type[P]) -> dict[str, type[P]]:
    """The members of a family by `kind`, sorted."""
    return dict(sorted(_FAMILIES.get(family, {}).items()))


def discover() -> dict[str, str]:
    """Import everything that can enrol a part. Returns what could not be imported: module → reason."""
    package = File(__file__).parent
    for folder in ("parts", "targets"):
        for path in sorted((package / folder).rglob("*.py")):
            import_module(".".join(("llmspec", *path.relative_to(package).with_suffix("").parts)))
    if _plugins_installed():
        _load_plugins()
    return dict(_FAILED)


def _plugins_installed() -> bool:
    """Whether any distribution but ours has our entry-point group; `importlib.metadata` costs 50 ms to ask."""
    for folder in sys.path:
        for path in File(folder or ".").glob("*.dist-info/entry_points.txt"):
            if not path.parent.name.startswith("llmspec-") and GROUP in path.read_text("utf-8", "replace"):
                return True
    return False


def _load_plugins() -> None:
    from importlib.metadata import entry_points  # noqa: PLC0415

    for point in sorted(entry_points(group=GROUP), key=lambda each: (each.name, each.value)):
        try:
            import_module(point.module)
        except Exception as error:  # noqa: BLE001 - whatever a plugin raises must not be a traceback of ours
            _FAILED[point.module] = f"{type(error).__name__}: {error}"
