"""Meta-learners as scikit-learn has estimators, trained on points in memory."""
