"""Training strategies that need no library beside those of AutoSFT itself."""
