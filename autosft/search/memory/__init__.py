"""Everything that was tried: the stored truth, what the sampler is shown of it, and both in step."""
