"""Tools of the maintainers that keep `llmspec/catalog/engines` true."""
