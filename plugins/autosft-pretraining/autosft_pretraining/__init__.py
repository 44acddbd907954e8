"""Self-supervised pretraining: encoders learn from all rows, without targets, and trials start from them."""
