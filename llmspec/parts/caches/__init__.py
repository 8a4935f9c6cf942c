"""The caches that a spec can choose, one a file."""
