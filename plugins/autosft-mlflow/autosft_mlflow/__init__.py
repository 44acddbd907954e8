"""Every trial as a run of MLflow."""
