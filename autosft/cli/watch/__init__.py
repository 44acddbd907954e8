"""How a search is watched: as lines, with a live table in a terminal, or as one JSON document a line."""
