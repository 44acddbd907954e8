"""How each format becomes a `Table`: text in any encoding and dialect, JSON, Parquet. Knows no folder and no target."""
