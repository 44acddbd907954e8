"""Archives in the place of a folder: extracted once and safely, into the user's cache. Knows no modality."""
