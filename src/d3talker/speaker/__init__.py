"""The built-in speaker: a procedural talking person with exact truth, for the demo and the tests."""

from d3talker.phonetics.speech import Speech
from d3talker.speaker.identity import Identity, make_identity
from d3talker.speaker.speech import built_in_speech
from d3talker.speaker.video import SpeakerTruth, make_speaker_video

__all__ = ["Identity", "Speech", "SpeakerTruth", "built_in_speech", "make_identity", "make_speaker_video"]
