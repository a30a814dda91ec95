"""Results folders: what belongs to them, read with care, as tables."""
