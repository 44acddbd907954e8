"""For plugin authors: a whole toy plugin to read and to test with, and tests that every part must pass.

Importing this room brings neither torch nor pytest; `conformance` and `trials` do.
"""
