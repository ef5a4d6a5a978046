"""Leaf helpers without domain words: errors, files, devices, progress, reports."""
