"""Leaky sums against scipy's filter, and a stream against the whole."""

import subprocess
import sys

import numpy as np
from scipy.signal import lfilter

from d3talker.signals.leaky_sum import leaky_sums


def test_they_are_those_of_a_filter_whole_and_in_pieces() -> None:
    values = np.random.default_rng(0).normal(size=(500, 3))
    whole, last = leaky_sums(values, 0.99, np.zeros(3))
    assert np.array_equal(whole, lfilter([1.0], [1.0, -0.99], values, axis=0))
    assert np.array_equal(last, whole[-1])
    pieces, before = [], np.zeros(3)
    for piece in np.split(values, [0, 7, 400]):
        sums, before = leaky_sums(piece, 0.99, before)
        pieces.append(sums)
    assert np.array_equal(np.concatenate(pieces), whole)


def test_no_head_waits_for_scipys_filters() -> None:
    code = "import sys, d3talker.recipes.talk, d3talker.recipes.adapt; sys.exit('scipy.signal' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
