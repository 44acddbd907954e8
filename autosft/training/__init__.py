"""How one recipe becomes one model: the one loop, and the bricks that strategies build their stages from."""
