"""Which rows train, validate and test, and whether they are sound; the same for every modality."""
