"""d3talker: a short clip of a talking person becomes a 3D Gaussian head that says anything."""

__version__ = "0.1.0"
