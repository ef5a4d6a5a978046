"""Pages and servers: thin shells over the recipes, without any maths."""
