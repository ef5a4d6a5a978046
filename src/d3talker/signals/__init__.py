"""From sound to the numbers that drive the fields."""
