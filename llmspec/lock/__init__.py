"""llm.lock: digests of all that llm.yaml points at, and the facts that compile needs, so that it needs no network."""
