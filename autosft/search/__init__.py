"""Which recipe is best: the plan, the study, the clock, and the driver that sends workers out."""
