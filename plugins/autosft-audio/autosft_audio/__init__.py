"""Sounds for AutoSFT: clips in folders or tables, spectrograms as pictures, encoders of waves."""
