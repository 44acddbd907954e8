"""What the host itself plugs in, laid out as any plugin: problems, the hub as a source of weights, local processes."""
