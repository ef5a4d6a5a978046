"""Who agreed to be made into a head, when and to what: a small file in the person's folder."""

from __future__ import annotations

import datetime
from dataclasses import asdict, dataclass
from pathlib import Path

import dacite

from d3talker.core.errors import D3Error
from d3talker.core.files import read_json, write_json

FILE = "consent.json"
STATEMENT = "I am the person in this clip, or have their permission, and agree that videos of them are made with it."
"""What is agreed to."""
_LONGEST_NAME = 200


@dataclass(frozen=True)
class Consent:
    """One record."""

    who: str
    """Who agreed: a name."""
    when: str
    """The time of the record, ISO 8601 with its zone."""
    statement: str = STATEMENT
    """What they agreed to."""


def read_consent(folder: Path) -> Consent | None:
    """The record in a person's folder, or None where there is none.

    Raises:
        D3Error: the record is damaged.
    """
    path = folder / FILE
    if not path.exists():
        return None
    again = f'Record it again: d3talker consent {folder} --who "Full Name"'
    try:
        return dacite.from_dict(Consent, read_json(path, again), dacite.Config(strict=True))
    except dacite.DaciteError:
        raise D3Error(f"{path} is damaged", "who agreed, when and to what", again) from None


def record_consent(folder: Path, who: str) -> Consent:
    """Writes that ``who`` agrees, now, into a person's folder.

    Raises:
        D3Error: no name, or one that is none.
    """
    who = " ".join(who.split())
    if not who or len(who) > _LONGEST_NAME or not who.isprintable():
        raise D3Error(f"{who[:40]!r} is no name", "the name of the person who agrees", 'Give it: --who "Full Name"')
    consent = Consent(who, datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"))
    write_json(folder / FILE, asdict(consent))
    return consent


def require_consent(folder: Path) -> Consent:
    """The record in a person's folder.

    Raises:
        D3Error: there is none; the message has the command that records it.
    """
    consent = read_consent(folder)
    if consent is None:
        raise D3Error(
            f"nobody's consent is recorded for {folder}",
            "the consent of the person shown",
            f'If they agree: d3talker consent {folder} --who "Full Name"',
        )
    return consent
