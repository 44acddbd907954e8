"""How a model lives without its run: the bundle on disk, and the predictor that answers from it."""
