"""Text with places: YAML read into nodes that know where they stand. Nobody else reads YAML."""
