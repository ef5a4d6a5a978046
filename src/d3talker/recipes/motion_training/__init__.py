"""Learning facial motion from sound: tracked clips to the networks of :mod:`d3talker.signals.audio_to_motion`."""
