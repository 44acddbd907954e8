"""Which result is better, and what happened in a run; reads what runs leave, and imports neither torch nor optuna.

`leaderboard` ranks trials. `saved_run` reads a run's folder; `page` makes one HTML file of it, by the figures of
`comparison`, `importance`, `summary`, `cost` and `diagnosis/`, the drawings of `curves` and `charts/`, and the
templates.
"""
