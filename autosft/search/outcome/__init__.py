"""What comes of a search: which trial is chosen, which models are kept, the bundle, the test score, the result."""
