"""The built-in speaker: a procedural talking person with exact truth, for the demo and the tests."""

from d3talker.speaker.identity import Identity, make_identity
from d3talker.speaker.speech import Speech, built_in_speech, synthesise
from d3talker.speaker.video import SpeakerTruth, make_speaker_video

__all__ = ["Identity", "Speech", "SpeakerTruth", "built_in_speech", "make_identity", "make_speaker_video", "synthesise"]
