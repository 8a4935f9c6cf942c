"""Rules on a resolved spec, one a file: its codes and one `check(resolved, report)`. The folder is the list."""
