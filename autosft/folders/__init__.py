"""Folders with a subfolder of files per class: splits, classes, faults. For modalities; knows none of them."""
