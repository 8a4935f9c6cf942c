"""The releases that a spec can choose, one a file."""
