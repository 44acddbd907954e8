"""AutoSFT: a plugin-based AutoML fine-tuner."""
