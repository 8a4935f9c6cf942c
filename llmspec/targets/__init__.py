"""One back end a file: plans in, files out. A target sees the plan, never the spec."""
