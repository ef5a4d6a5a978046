"""The head: Gaussians, how they multiply, how fields move them, and the folder that keeps a person."""
