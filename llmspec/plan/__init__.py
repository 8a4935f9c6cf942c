"""The neutral plan: what has to exist, in terms of none of the formats it will be written in."""
