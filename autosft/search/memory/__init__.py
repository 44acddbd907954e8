"""Everything that was tried: the stored truth, what the sampler believes of it, and both in step."""
