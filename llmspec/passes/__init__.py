"""The steps of the line, one verb a file."""
