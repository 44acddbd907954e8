"""Where a model is right and where it is wrong, by its answers on the validation rows."""
