"""Outside systems and site files that fail in every way that they can."""
