"""Settings as frozen dataclasses, and the presets made of them."""
