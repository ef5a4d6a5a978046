"""The speech that the phone encoder learns from and is measured on: synthesised, and real.

Everything comes from Debian packages and pip (``NEEDS``); nothing of it goes into the repository. One ``.npz`` a
source: sound as int16 in a row, its lengths, and (class, start s, end s) of every phone; class -1 is unlabelled time.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from phone_texts import sentence

from d3talker.core.errors import D3Error
from d3talker.core.files import atomic_file
from d3talker.phonetics.classes import as_rows
from d3talker.phonetics.festival import Festival
from d3talker.phonetics.synthesis import ENGINES, Speech

NEEDS = (
    "apt: espeak-ng flite festival festvox-* mbrola mbrola-* (non-free) open-jtalk hts-voice-nitech-jp-atr503-m001 "
    "hunspell-* fillets-ng-data fillets-ng-data-cs fillets-ng-data-nl flight-of-the-amazon-queen "
    "asterisk-core-sounds-{en,es,fr,it,ru}-g722; pip: pocketsphinx"
)
Utterance = tuple[np.ndarray, np.ndarray]
"""Samples (S,) float32 at 16 kHz and phones (P, 3)."""

Maker = Callable[..., Iterator[Speech]]

HELD_LANGUAGES = {"sv", "tr", "hr", "lt", "te", "is", "ca", "ja"}
"""Never trained on, by any engine."""
ESPEAK = [
    "en-us",
    "en-us",
    "en-gb",
    "en-gb-scotland",
    "en-us-nyc",
    "de",
    "fr-fr",
    "fr-fr",
    "es",
    "es-419",
    "it",
    "pl",
    "pt",
    "pt-br",
    "nl",
    "cs",
    "ru",
    "ru",
    "hu",
    "ro",
    "el",
    "hi",
    "af",
    "da",
    "nb",
    "uk",
    "ar",
    "id",
    "vi",
    "ko",
    "sk",
    "sl",
    "sw",
    "bg",
    "lv",
    "eu",
    "bn",
    "sr",
    "cmn-latn-pinyin",
    "cmn-latn-pinyin",
    "cmn-latn-pinyin",
    "ne",
]
VARIANTS = [
    "",
    "m1",
    "m2",
    "m3",
    "m4",
    "m5",
    "m7",
    "f1",
    "f2",
    "f4",
    "klatt",
    "klatt2",
    "klatt4",
    "klatt6",
    "adam",
    "Alex",
    "Andy",
    "Annie",
    "aunty",
    "belinda",
    "boris",
    "david",
    "Denis",
    "ed",
    "Gene",
    "gustave",
    "iven",
    "Jacky",
    "john",
    "Lee",
    "linda",
    "Marco",
    "max",
    "Michael",
    "michel",
    "pablo",
    "paul",
    "quincy",
    "rob",
    "steph",
    "travis",
    "victor",
    "zac",
    "grandpa",
    "norbert",
    "sandro",
    "shelby",
    "anika",
]
HELD_VARIANTS = ["f3", "f5", "m6", "m8", "klatt3", "Andrea", "edward", "Mario", "robert", "Alicia"]
# A voice whose language has no dictionary reads the words of another: the times are exact all the same.
FESTIVAL = {
    "ked": "en", "kal": "en", "it_pc": "it", "it_lp": "it", "fi_mv": "it", "cz_dita": "cs", "cz_machac": "cs",
    "cz_ph": "cs", "ru_nsh": "ru", "hi": "hi", "mr": "hi",
}  # fmt: skip
MBROLA_LANGUAGE = {
    "us": "en", "br": "pt", "mx": "es", "vz": "es", "sw": "sv", "cr": "hr", "gr": "el", "cz": "cs", "ee": "sl",
    "in": "hi", "ic": "is", "ca": "fr", "hb": "he", "la": "it", "ma": "id", "nz": "id", "tl": "te", "jp": "ja",
}  # fmt: skip
MBROLA_UNREAD = ("bz1", "hn1", "cn1", "ir1")
"""Voices that espeak-ng has no rules for, or whose script no dictionary here has."""
HELD_MBROLA = ("en1", "us3", "de7", "fr4", "pl1", "es3", "it4", "br4")
PROMPTS = {
    "en": "en_US_f_Allison", "es": "es_MX_f_Allison", "fr": "fr_CA_f_June", "it": "it_IT_m_Carlo",
    "ru": "ru_RU_f_IvrvoiceRU",
}  # fmt: skip
"""Asterisk's telephone prompts."""
TESTS: dict[str, tuple[str, ...]] = {
    "flite, voice never heard (slt)": ("flite_slt",),
    "espeak-ng, variants never heard": ("espeak_variants",),
    "espeak-ng, languages never trained on": ("espeak_languages",),
    "festival, voices never heard (fi, cs)": ("festival_fi_lj", "festival_cz_krb"),
    "mbrola, voices never heard (en de fr pl es it pt)": tuple(f"mbrola_{v}" for v in HELD_MBROLA),
    "mbrola, languages never trained on (sv tr hr)": ("mbrola_sw2", "mbrola_tr2", "mbrola_cr1"),
    "engine never trained on: festival HTS, English": ("festival_slt_hts",),
    "engine and language never trained on: festival HTS, Catalan": ("festival_ca_ona",),
    "engine and language never trained on: Open JTalk, Japanese": ("open-jtalk_nitech",),
}
"""What the encoder is measured on, by source; the share of right frames is told for each line."""


def save(path: Path, utterances: list[Utterance]) -> None:
    """Writes one source."""
    sound = [np.round(np.clip(samples, -1, 1) * 32767).astype(np.int16) for samples, _ in utterances]
    with atomic_file(path) as partial, partial.open("wb") as file:
        np.savez(
            file,
            sound=np.concatenate(sound),
            lengths=np.array([len(s) for s in sound]),
            phones=np.concatenate([p for _, p in utterances]).astype(np.float32),
            counts=np.array([len(p) for _, p in utterances]),
        )
    print(f"{path.stem}: {len(utterances)} utterances, {sum(map(len, sound)) / 960_000:.1f} min", flush=True)


def load(path: Path) -> list[Utterance]:
    """Reads one source."""
    with np.load(path) as stored:
        sounds = np.split(stored["sound"], np.cumsum(stored["lengths"])[:-1])
        phones = np.split(stored["phones"], np.cumsum(stored["counts"])[:-1])
    return [(s.astype(np.float32) / 32767, p) for s, p in zip(sounds, phones, strict=True)]


def synthesise_sources(folder: Path, share: float, workers: int) -> None:
    """Speaks every source that is not there yet, ``train`` and ``test``; ``share`` scales the amount."""
    jobs = []
    with ProcessPoolExecutor(workers) as pool:
        for path, maker, arguments in _sources(folder, share):
            if not path.exists():
                jobs.append(pool.submit(_synthesise_source, path, maker, arguments))
        for job in jobs:
            job.result()


def _synthesise_source(path: Path, maker: Maker, arguments: tuple) -> None:
    speeches = maker(*arguments)
    kept = [(s.samples, as_rows(s.phones)) for s in speeches if 1 < s.seconds < 18 and s.phones]
    if kept:
        save(path, kept)


def _sources(folder: Path, share: float) -> Iterator[tuple[Path, Maker, tuple]]:
    train, test = folder / "train", folder / "test"
    train.mkdir(parents=True, exist_ok=True)
    test.mkdir(exist_ok=True)
    few = max(4, int(30 * share))
    for part in range(8):
        yield train / f"espeak_{part}.npz", _espeak, (ESPEAK, VARIANTS, int(200 * share), part)
    yield test / "espeak_variants.npz", _espeak, (ESPEAK, HELD_VARIANTS, few, 91)
    yield test / "espeak_languages.npz", _espeak, (sorted(HELD_LANGUAGES - {"ja"}), HELD_VARIANTS, few, 92)
    for voice in ("kal16", "awb", "rms"):
        yield train / f"flite_{voice}.npz", _engine, ("flite", voice, "en", int(150 * share), 1)
    yield test / "flite_slt.npz", _engine, ("flite", "slt", "en", few, 2)
    for voice, language in FESTIVAL.items():
        yield train / f"festival_{voice}.npz", _engine, ("festival", voice, language, int(70 * share), 3)
    for voice, language in (("fi_lj", "it"), ("cz_krb", "cs"), ("slt_hts", "en"), ("ca_ona", "ca")):
        yield test / f"festival_{voice}.npz", _engine, ("festival", voice, language, few, 4)
    yield test / "open-jtalk_nitech.npz", _engine, ("open-jtalk", ENGINES["open-jtalk"].voices()[0], "ja", 12, 5)
    for voice in ENGINES["mbrola"].voices():
        language = MBROLA_LANGUAGE.get(voice[:2], voice[:2])
        if voice in MBROLA_UNREAD:
            continue
        if voice in HELD_MBROLA or voice in ("sw2", "tr2", "cr1"):
            yield test / f"mbrola_{voice}.npz", _engine, ("mbrola", voice, language, max(4, int(12 * share)), 6)
        elif language not in HELD_LANGUAGES:
            yield train / f"mbrola_{voice}.npz", _engine, ("mbrola", voice, language, int(40 * share), 7)


def _espeak(languages: list[str], variants: list[str], count: int, seed: int) -> Iterator[Speech]:
    rng = random.Random(seed)
    for _ in range(count):
        language, variant = rng.choice(languages), rng.choice(variants)
        text = sentence(language.split("-")[0], rng)
        voice = language + (f"+{variant}" if variant else "")
        yield from _spoken("espeak-ng", text, voice, rng.uniform(0.75, 1.4), rng.uniform(0.6, 1.6))


def _engine(engine: str, voice: str, language: str, count: int, seed: int) -> Iterator[Speech]:
    rng = random.Random(f"{engine} {voice} {seed}")
    texts = [sentence(language, rng) for _ in range(count)]
    if isinstance(ENGINES[engine], Festival):
        yield from ENGINES[engine].speak_many(texts, voice)
        return
    for text in texts:
        yield from _spoken(engine, text, voice, rng.uniform(0.8, 1.25), rng.uniform(0.8, 1.25))


def _spoken(engine: str, text: str, voice: str, speed: float, pitch: float) -> Iterator[Speech]:
    try:
        yield ENGINES[engine].speak(text, voice, speed, pitch)
    except D3Error as error:  # a word that this voice cannot say
        print(f"left out: {error}", flush=True)
