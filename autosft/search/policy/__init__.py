"""What to try next: what fits the clock, the first recipes, which paused trial goes on. It trains nothing."""
