"""From stored scores to cells, pairs and their names: what all that is shown reads."""
