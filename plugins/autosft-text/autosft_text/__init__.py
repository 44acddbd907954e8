"""Texts for AutoSFT. `plugin` offers the parts; nothing here imports torch, transformers or scikit-learn."""
