"""A bundle as one graph for other programs: traced, written, described, and checked against the model."""
