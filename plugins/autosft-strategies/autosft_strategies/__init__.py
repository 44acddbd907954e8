"""Training strategies that need nothing but torch."""
