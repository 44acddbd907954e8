"""Drawings of a report: SVG that stands inside the page, without a script. Knows numbers and words, no run."""
