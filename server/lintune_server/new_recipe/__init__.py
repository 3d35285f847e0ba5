"""A recipe for a data set that has none yet: what `lintune init` writes."""
