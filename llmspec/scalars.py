"""The words of the language: names, quantities, durations, paths; each with the sentence that explains it."""

from __future__ import annotations

import re
from typing import Annotated, ClassVar

from msgspec import Meta


class Text(str):
    """A string with a written form that is checked by a pattern and explained by `what` and `example`.

    The class is for checking and typing alone: a value of it is a plain `str`, which every encoder knows.
    """

    __slots__ = ()

    def __new__(cls, text: str) -> Text:
        return str(text)  # type: ignore[return-value]

    pattern: ClassVar[str]
    what: ClassVar[str]
    example: ClassVar[str]


class Name(Text):
    """RFC 1123 label, as Kubernetes wants it in names."""

    pattern = r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?"
    what = "a name of at most 63 lower-case letters, digits and `-`, beginning with a letter"
    example = "support-assistant"


class Version(Text):
    """Semantic Versioning 2.0.0, and the pre-releases of Python packages (`1.3.0rc29`)."""

    pattern = r"(0|[1-9]\d*)\.(0|[1-9]\d*)(\.(0|[1-9]\d*))?((-|rc|\.post)[0-9A-Za-z.-]+)?"
    what = "a version such as `1.4.2`"
    example = '"1.4.2"'


class RelativePath(Text):
    """A path below the folder of llm.yaml."""

    pattern = r"(?!/)(?!(.*/)?\.\.(/|$))[^\x00-\x1f\\:*?\"<>|]{1,240}"
    what = "a path below the folder of llm.yaml, with `/`, without `..`"
    example = "prompts/answer.prompt.yaml"


class Uri(Text):
    """Where bytes come from. RFC 3986, without credentials."""

    pattern = r"[a-z][a-z0-9+.-]{0,15}:(//)?[A-Za-z0-9._~/@:+=-]{1,400}"
    what = "a URI such as `hf://organisation/model`, without credentials"
    example = "hf://Qwen/Qwen3-0.6B"


class Revision(Text):
    pattern = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
    what = "a revision: a commit, a version or a digest"
    example = "9216db5781bf21249d130ec9da846c4624c16137"


class Host(Text):
    """A registry with an optional port and path, as in an image reference."""

    pattern = r"(?!.{129})[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?(/[a-z0-9]+([._-]+[a-z0-9]+)*)*"
    what = "a registry and a path in it, in lower case, such as `ghcr.io/acme`"
    example = "ghcr.io/acme"


class LabelValue(Text):
    """Kubernetes label value: up to 63 characters."""

    pattern = r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?"
    what = "a Kubernetes label value: at most 63 letters, digits, `-`, `_` and `.`"
    example = "gold"


class LabelKey(Text):
    """Kubernetes label key: an optional DNS prefix and a name."""

    pattern = r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
    what = "a Kubernetes label key such as `tier` or `acme.example/tier`"
    example = "tier"


class OwnLabelKey(LabelKey):
    """A label key that a service may give its objects: none that tell the objects apart."""

    pattern = rf"(?!app\.kubernetes\.io/|llmspec\.dev/){LabelKey.pattern}"
    what = "a Kubernetes label key; those of `app.kubernetes.io/` and `llmspec.dev/` are set from the rest of the spec"
    example = "tier"


class SecretKey(Text):
    pattern = r"[-._a-zA-Z0-9]{1,253}"
    what = "a key of a Secret: letters, digits, `-`, `_` and `.`"
    example = "password"


class Driver(Text):
    """Version of the NVIDIA driver, as `nvidia-smi` prints it."""

    pattern = r"[0-9]{3}(\.[0-9]{1,3}){0,2}"
    what = "a version of the NVIDIA driver such as `580.95.05`"
    example = '"580.95.05"'


class ServedName(Text):
    """What a client puts into `model`."""

    pattern = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,95}"
    what = "a name of letters, digits, `.`, `_`, `/` and `-`"
    example = "acme/chat"


class Owner(Text):
    pattern = r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,119}"
    what = "a team or an address, without spaces"
    example = "team-care@acme.example"


class Branch(Text):
    """A git branch without characters that a shell or an expression could read."""

    pattern = r"[A-Za-z0-9][A-Za-z0-9._/-]{0,99}"
    what = "a branch name of letters, digits, `.`, `_`, `/` and `-`"
    example = "main"


class Runner(Text):
    pattern = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
    what = "the label of a runner"
    example = "ubuntu-24.04"


class Measured(int):
    """A whole number that is written with a unit. As with `Text`, a value of it is a plain `int`."""

    __slots__ = ()

    def __new__(cls, number: float) -> Measured:
        return int(number)  # type: ignore[return-value]

    pattern: ClassVar[str]
    what: ClassVar[str]
    example: ClassVar[str]
    units: ClassVar[dict[str, int]]
    bare: ClassVar[bool] = False

    @classmethod
    def of(cls, text: str) -> Measured | None:
        """The value of `text`, or None where it is not of the pattern or no whole number of the base unit."""
        if not re.fullmatch(cls.pattern, text):
            return None
        total = sum(_scaled(number, cls.units[unit]) for number, unit in re.findall(r"([0-9.]+)([A-Za-z]*)", text))
        return cls(total) if total == int(total) else None


def _scaled(number: str, factor: int) -> float:
    return float(number) * factor if "." in number else int(number) * factor


class Bytes(Measured):
    """A Kubernetes quantity of bytes."""

    pattern = r"[0-9]{1,12}(\.[0-9]{1,3})?(Ki|Mi|Gi|Ti|k|M|G|T)"
    what = "a quantity of bytes such as `16Gi`"
    example = "16Gi"
    units: ClassVar[dict[str, int]] = {
        "k": 10**3,
        "M": 10**6,
        "G": 10**9,
        "T": 10**12,
        "Ki": 2**10,
        "Mi": 2**20,
        "Gi": 2**30,
        "Ti": 2**40,
    }


class Cores(Measured):
    """A Kubernetes quantity of CPU, in millicores."""

    pattern = r"[0-9]{1,6}(\.[0-9]{1,3}|m)?"
    what = "a quantity of CPU such as `4` or `500m`"
    example = "4"
    units: ClassVar[dict[str, int]] = {"": 1000, "m": 1}
    bare = True


class Seconds(Measured):
    """A Go duration, in seconds."""

    pattern = r"([0-9]{1,6}(\.[0-9]{1,3})?h)?([0-9]{1,6}(\.[0-9]{1,3})?m)?([0-9]{1,9}s)?(?<=[hms])"
    what = "a duration such as `90s`, `30m` or `1h30m`"
    example = "30m"
    units: ClassVar[dict[str, int]] = {"h": 3600, "m": 60, "s": 1}


Count = Annotated[int, Meta(ge=1, le=1_000_000)]
Whole = Annotated[int, Meta(ge=0, le=1_000_000)]
Tokens = Annotated[int, Meta(ge=1, le=100_000_000)]
Fraction = Annotated[float, Meta(gt=0, le=1)]
Positive = Annotated[float, Meta(gt=0, le=86_400)]
Percent = Annotated[int, Meta(ge=1, le=100)]
Line = Annotated[str, Meta(max_length=400, pattern=r"^[^\x00-\x1f\x7f]*$")]


def doc(text: str) -> Meta:
    """The sentence that the language reference and the JSON schema give for a key."""
    return Meta(description=text)
