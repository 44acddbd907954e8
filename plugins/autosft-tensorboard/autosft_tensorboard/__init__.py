"""Curves and hyperparameters of every trial, for TensorBoard."""
