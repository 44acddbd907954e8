"""Which result is better, and what happened in a run; reads the JSON that runs leave, and imports neither torch nor
optuna."""
