"""Plans as Kubernetes objects, and nothing of how they are written down."""
