"""How learners are tested, one protocol per file."""
