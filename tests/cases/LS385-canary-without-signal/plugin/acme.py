"""An engine of another distribution, which has no metrics."""

from msgspec.structs import replace

from llmspec.parts.engines.vllm import Vllm


class Acme(Vllm):
    kind = "acme"

    def serve(self, network, pin):
        return replace(super().serve(network, pin), signals=())
