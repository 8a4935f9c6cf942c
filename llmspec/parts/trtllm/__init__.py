"""What the TensorRT-LLM engine is made of beside its server: engines of releases that still have them."""
