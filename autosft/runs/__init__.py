"""The folder of a search, and what it says of it: what was asked, and what may be tried."""
