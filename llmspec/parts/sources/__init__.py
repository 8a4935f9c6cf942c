"""The sources that a spec can choose, one a file."""
