"""What the TensorRT engine is made of: checks of the graph, profiles, build steps, the Triton repository."""
