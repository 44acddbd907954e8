"""Where a model is right and where it is wrong, by its answers to rows that it was not trained on."""
