"""Makes the recordings that ship with the package (needs flite): d3talker/assets/speech/*.flac and *.json.

python scripts/make_demo_speech.py
"""

from pathlib import Path

import soundfile

import d3talker
from d3talker.core.files import atomic_file, write_json
from d3talker.phonetics.synthesis import RATE, Speech, synthesise

# Written for this package: every class of phones, many lip closures, wide vowels and rounded ones.
TEXTS = {
    "training": (
        "slt",
        "Hello, and welcome. My name is June, and I was made from nothing but numbers. "
        "Five bright puppies jump over the old farm fence, while my father makes a huge bowl of soup. "
        "Show me those yellow leaves, the boat by the bay, and that vivid blue moth. "
        "Why not ask what we both hope for?",
    ),
    "driving": (
        "rms",
        "Good morning, everyone. Please move both of those boxes away from the warm window. "
        "You will see a few more people before five.",
    ),
}


def main() -> None:
    folder = Path(d3talker.__file__).parent / "assets" / "speech"
    for name, (voice, text) in TEXTS.items():
        speech: Speech = synthesise(text, f"flite:{voice}")
        with atomic_file(folder / f"{name}.flac") as partial:
            soundfile.write(partial, speech.samples, RATE, subtype="PCM_16")
        phones = [[phone, round(start, 4), round(end, 4)] for phone, start, end in speech.phones]
        write_json(folder / f"{name}.json", {"text": text, "synthesiser": f"flite, voice {voice}", "phones": phones})
        print(f"{name}: {speech.seconds:.2f} s, {len(phones)} phones")


if __name__ == "__main__":
    main()
