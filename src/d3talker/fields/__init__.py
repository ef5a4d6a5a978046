"""Networks that turn a point of the head and a signal into a displacement."""
