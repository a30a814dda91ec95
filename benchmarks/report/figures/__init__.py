"""How scores, trainings, predictions and decisions are drawn."""
