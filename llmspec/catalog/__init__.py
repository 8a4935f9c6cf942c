"""What the world offers, as tables: every row names its source."""
