"""Video and sound in and out, through PyAV, soundfile and soxr alone."""
