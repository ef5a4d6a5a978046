"""Facial motion by the published audio-to-motion model of Real3D-Portrait (PitchContourVAE)."""
