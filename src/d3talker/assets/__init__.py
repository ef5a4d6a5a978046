"""What ships with the package, and where to find what cannot."""
