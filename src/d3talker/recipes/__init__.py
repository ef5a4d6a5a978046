"""What the package does, each a flat story: prepare, adapt, talk, evaluate, demo, doctor."""
