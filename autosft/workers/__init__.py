"""Where orders are worked on: models are trained, averaged and tested here. Nothing in it knows the study."""
