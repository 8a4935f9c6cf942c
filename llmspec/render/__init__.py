"""Data to text and templates to text: each format is quoted here, once, and nowhere else."""
