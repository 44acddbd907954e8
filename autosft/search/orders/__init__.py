"""Orders: sent to workers, worked on, watched, and sent again after a failure."""
