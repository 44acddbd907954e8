"""Who offers what: the hooks, the loading of plugins, and the registry of their parts."""
