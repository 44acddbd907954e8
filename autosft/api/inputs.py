"""The plugin API for what users give: folders and tables of samples, their encodings and their columns."""

from __future__ import annotations

from autosft.folders.entrances import collect_files, recognize_files, scan_files
from autosft.folders.files import FileKind, head_of, holds_any, walk
from autosft.folders.listing import scan_folder
from autosft.folders.recognition import recognize_folder
from autosft.tables.columns import is_blank, profile
from autosft.tables.folder import unlabeled_beside
from autosft.tables.formats.encoding import find_encoding, open_text, refuse_binary
from autosft.tables.formats.kinds import SUFFIXES
from autosft.tables.reading import glance, is_table, read_table
from autosft.tables.roles import words_of
from autosft.tables.rows import rows_of
from autosft.tables.table import Table
from autosft.tables.targets import TargetForm, forms_in, plain_of, propose_target, propose_targets, targets_of

__all__ = [
    "SUFFIXES",
    "FileKind",
    "Table",
    "TargetForm",
    "collect_files",
    "find_encoding",
    "forms_in",
    "glance",
    "head_of",
    "holds_any",
    "is_blank",
    "is_table",
    "open_text",
    "plain_of",
    "profile",
    "propose_target",
    "propose_targets",
    "read_table",
    "recognize_files",
    "recognize_folder",
    "refuse_binary",
    "rows_of",
    "scan_files",
    "scan_folder",
    "targets_of",
    "unlabeled_beside",
    "walk",
    "words_of",
]
