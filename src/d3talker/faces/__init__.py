"""Face models: a neutral face, what people and expressions add to it, and pictures of its coordinates."""
