"""How one recipe becomes one model: the one loop, and the functions that strategies build their stages from."""
