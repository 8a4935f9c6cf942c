"""The ci that a spec can choose, one a file."""
