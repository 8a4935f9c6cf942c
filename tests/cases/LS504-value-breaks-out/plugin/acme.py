"""An engine of another distribution, whose health check is not one line."""

from msgspec.structs import replace

from llmspec.parts.engines.vllm import Vllm


class Acme(Vllm):
    kind = "acme"

    def serve(self, network, pin):
        served = super().serve(network, pin)
        return replace(served, image=replace(served.image, health="/health\nUSER root"))
