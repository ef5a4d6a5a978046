"""Words to say: random sentences from the spelling dictionaries of Debian (hunspell), in many languages."""

from __future__ import annotations

import random
import re
from functools import cache
from pathlib import Path

HUNSPELL = Path("/usr/share/hunspell")
_FRONT = ["i", "ia", "iao", "ie", "iu", "ian", "in", "iang", "ing", "u", "ue", "uan", "un"]
_ALONE = [
    "a",
    "ai",
    "an",
    "ang",
    "ao",
    "e",
    "en",
    "er",
    "yi",
    "ya",
    "yao",
    "ye",
    "you",
    "yan",
    "yin",
    "yang",
    "ying",
    "wu",
    "wa",
    "wo",
    "wai",
    "wei",
    "wan",
    "wen",
    "wang",
    "yu",
    "yue",
    "yuan",
    "yun",
]
_LIPS = ["a", "ai", "an", "ang", "ei", "en", "eng", "o", "u"]
_OTHER = ["a", "ai", "an", "ang", "ao", "e", "en", "eng", "ong", "ou", "u", "uo", "uan", "un"]

# Japanese has no spelling dictionary there; these stand for the language that no engine was trained on.
JAPANESE = (
    "明日は朝早く起きて、駅まで歩いて行きます。",
    "この店の魚はとても新しくておいしいと思います。",
    "雨が降ったら、公園ではなく図書館で会いましょう。",
    "妹は大学で日本の古い音楽を勉強しています。",
    "すみません、もう一度ゆっくり話してください。",
    "山の上から見た海は、本当に青くて広かった。",
    "会議は午後三時から始まるので、遅れないでね。",
    "冬になると、この町には雪がたくさん積もります。",
    "父は毎晩ニュースを見ながらお茶を飲みます。",
    "新しい仕事に慣れるまで、半年ぐらいかかりました。",
    "友達と一緒に映画を見て、そのあと食事をしました。",
    "猫が窓の外をじっと眺めている。",
)

# What is said in recordings of public speech, cut as they are.
KNOWN = {
    "en_m_librivox": "and mister john dashwood had then leisure to consider how much there might be prudently in his "
    "power to do for them",
    "obama": "you about the battle we're waging against an oil spill that is assaulting our shores and our citizens "
    "on april twentieth an explosion ripped through b p deepwater horizon drilling rig about forty miles off the "
    "coast of louisiana eleven workers lost their lives seventeen others",
    "reagan": "the resurgence of national pride that i called the new patriotism this national feeling is good but it "
    "won't count for much and it won't last unless it's grounded in thoughtfulness and knowledge an informed "
    "patriotism is what we want and are we doing a good enough job teaching our children what america is and what she "
    "represents in the long history of the world",
    "trump": "my fellow americans tonight i want to speak with you about our nation's unprecedented response to the "
    "coronavirus",
}


@cache
def words(language: str) -> tuple[str, ...]:
    """Lower-case words of 2 to 13 letters; ``language`` is the first part of a code such as ``de`` or ``pt``."""
    found = sorted(HUNSPELL.glob(f"{language}_*.dic"), key=lambda f: f.stat().st_size) or [HUNSPELL / f"{language}.dic"]
    if not found[-1].exists():
        raise FileNotFoundError(f"{found[-1]}: apt-get install hunspell-{language}")
    rules = found[-1].with_suffix(".aff").read_bytes()
    declared = re.search(rb"^\s*SET\s+(\S+)", rules, re.MULTILINE)
    text = found[-1].read_text(encoding=declared[1].decode() if declared else "latin1", errors="ignore")
    picked = (re.split(r"[/\t ]", line, maxsplit=1)[0] for line in text.splitlines()[1:])
    word = re.compile(r"[^\W\d_](?:[^\W\d_]|[\u0900-\u0dff]){1,12}")  # vowel signs of Indic scripts are no letters
    return tuple(sorted({w for w in picked if word.fullmatch(w) and not w[:1].isupper()}))


def pinyin(rng: random.Random) -> str:
    """Random Mandarin syllables with tones: Debian's espeak-ng reads pinyin, but knows few characters."""
    syllables = []
    for _ in range(rng.randint(5, 14)):
        initial = rng.choice(
            ["b", "p", "m", "f", "d", "t", "n", "l", "g", "k", "h", "j", "q", "x", "zh", "ch", "sh", "r", "z", "c", "s"]
            + [""]
        )
        fit = {"j": _FRONT, "q": _FRONT, "x": _FRONT, "": _ALONE, "b": _LIPS, "p": _LIPS, "m": _LIPS, "f": _LIPS}
        syllables.append(initial + rng.choice(fit.get(initial, _OTHER)) + str(rng.randint(1, 4)))
    return " ".join(syllables)


def sentence(language: str, rng: random.Random) -> str:
    """A sentence of 4 to 10 random words with a pause in some; syllables for Mandarin, a real line for Japanese."""
    if language == "ja":
        return rng.choice(JAPANESE)
    if language == "cmn":
        return pinyin(rng)
    said = [rng.choice(words(language)) for _ in range(rng.randint(4, 10))]
    if rng.random() < 0.4:
        said[rng.randrange(len(said))] += ","
    return " ".join(said).capitalize() + rng.choice(".. ?!").strip()
