"""Tables on disk: read whatever their dialect, and their columns given roles. For modalities; knows none of them."""
