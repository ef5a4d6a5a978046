"""What ``evaluate`` measures: pictures and motion against the truth, in plain numpy."""
