"""A bundle as an HTTP service: what comes in, how requests share a forward pass, and what goes out."""
