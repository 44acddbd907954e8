"""How the weights of a stage move: optimizer, schedule, penalties and average. `Stepper` puts them together."""
