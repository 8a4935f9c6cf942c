"""The stores that a spec can choose, one a file."""
