"""Sync-C and Sync-D: whether lips fit the sound, as SyncNet hears and sees it (Chung and Zisserman 2016)."""
