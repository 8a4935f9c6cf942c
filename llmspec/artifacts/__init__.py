"""The tree of files: what was made, from what, and how it gets to the disk. Nobody else writes files."""
