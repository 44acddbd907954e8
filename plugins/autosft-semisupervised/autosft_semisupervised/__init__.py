"""Semi-supervised training strategies: they train the encoder on rows with and without labels."""
