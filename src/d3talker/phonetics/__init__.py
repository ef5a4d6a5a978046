"""Phones: their classes, speech synthesis with phone times, alignment."""
