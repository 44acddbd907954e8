"""A search as an estimator of scikit-learn's kind. Knows samples in memory; all else is for search and deploy."""
