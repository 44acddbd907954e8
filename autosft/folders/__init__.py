"""Folders with a subfolder of files per class: splits, classes, skipped samples. For modalities; knows none of them."""
