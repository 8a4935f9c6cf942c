"""The engines that a spec can choose, one a file."""
