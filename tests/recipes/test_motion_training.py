from dataclasses import replace

import numpy as np
import pytest
import torch

from d3talker.core.errors import D3Error
from d3talker.faces.model import load_face_model
from d3talker.phonetics.classes import CLASSES, as_rows
from d3talker.recipes.motion_training.clips import read_line, read_talking_clip
from d3talker.recipes.motion_training.folds import learn_nets, leave_one_out, only_columns, say_clip, score
from d3talker.recipes.motion_training.learn import LearnSettings, speak_lines
from d3talker.signals.audio_to_motion import MotionNet, MotionNetShape
from d3talker.signals.motion_features import COLUMNS
from d3talker.signals.motion_style import Mouth
from d3talker.signals.phone29 import Phone29
from d3talker.speaker import built_in_speech

pytestmark = pytest.mark.xdist_group("motion_training")
SHAPE = MotionNetShape(width=16, members=1)
SETTINGS = LearnSettings(steps=60, batch=8, frames=40)


@pytest.fixture(scope="module")
def model():
    return load_face_model()


@pytest.fixture(scope="module")
def talking(prepared_clip, model):
    return read_talking_clip(prepared_clip, "speaker", model, Phone29(), copies=2)


def test_a_clip_has_two_rows_a_frame(talking):
    frames = len(talking.coefficients)
    assert talking.features.shape == (2 * frames, COLUMNS)
    assert len(talking.opening) == len(talking.width) == frames
    assert 0.5e-3 < talking.amplitude < 10e-3


def test_spoiled_copies_stay_in_step(talking):
    """A copy may be faster; its loudness goes with its motion as in the clip itself."""
    energy = COLUMNS - 3

    def curve(rows, motion):
        loud = rows[:, energy].reshape(-1, 2).mean(axis=1)
        return np.corrcoef(loud, motion @ np.ones(motion.shape[1]))[0, 1]

    clean = curve(talking.features, talking.coefficients)
    lengths = set()
    for rows, motion, _ in talking.spoiled:
        assert len(rows) == 2 * len(motion)
        assert abs(curve(rows, motion) - clean) < 0.25
        assert abs(motion.mean(axis=0) - talking.coefficients.mean(axis=0)).max() < 0.35
        lengths.add(len(motion))
    assert lengths != {len(talking.coefficients)}


def test_a_net_learns_the_lips_and_repeats_itself(talking, model):
    nets = learn_nets([talking], model, SHAPE, SETTINGS)
    untrained = score(
        talking, say_clip(learn_nets([talking], model, SHAPE, LearnSettings(steps=1)), talking, model)[0], model
    )
    learned = score(talking, say_clip(nets, talking, model)[0], model)
    assert learned.opening.zero > max(0.45, untrained.opening.zero + 0.1)
    again = learn_nets([talking], model, SHAPE, SETTINGS)
    np.testing.assert_array_equal(say_clip(nets, talking, model)[0], say_clip(again, talking, model)[0])


def test_lips_meet_on_bilabials_the_more_it_counts(talking, model):
    mouth, when = Mouth.of(model), talking.lips > 0.8
    assert when.sum() >= 5

    def gap(weight):
        nets = learn_nets([talking], model, SHAPE, replace(SETTINGS, closure=weight))
        return np.maximum(mouth.gap(say_clip(nets, talking, model)[0]) - mouth.rest, 0)[when].mean()

    assert gap(10.0) < 0.6 * gap(0.0)


def test_what_is_learned_is_stretched_about_the_mean(talking, model):
    plain, wide = (
        say_clip(learn_nets([talking], model, SHAPE, replace(SETTINGS, stretch=by)), talking, model)[0]
        for by in (1.0, 1.5)
    )
    mean = talking.coefficients.mean(axis=0)
    mean[list(model.blinks)] = 0
    np.testing.assert_allclose(wide, mean + 1.5 * (plain - mean), atol=1e-4)


def test_nobody_is_judged_by_a_net_that_saw_him(talking, model):
    other = replace(talking, name="other", person="other", coefficients=-talking.coefficients, spoiled=())
    told = dict(
        (clip.name, said) for clip, said, _ in leave_one_out([talking, other], model, SHAPE, SETTINGS, workers=2)
    )
    assert set(told) == {talking.name, "other"}
    lips = talking.coefficients[:, 2]
    assert np.corrcoef(told[talking.name][:, 2], lips)[0, 1] < 0  # learned from the other, whose face goes backwards
    assert np.corrcoef(told["other"][:, 2], lips)[0, 1] > 0


def test_columns_can_be_chosen(talking, model):
    few = only_columns([talking], slice(29, 69))
    assert few[0].features.shape[1] == 40
    assert few[0].spoiled[0][0].shape[1] == 40


def test_no_padding_inside():
    torch.manual_seed(0)
    net = MotionNet(SHAPE).eval()
    rows = torch.randn(1, 2 * 30 + 2 * SHAPE.margin, COLUMNS)
    whole = net(rows)
    assert whole.shape == (1, 30, 32)
    part = net(rows[:, 2 * 7 : 2 * 7 + 2 * 4 + 2 * SHAPE.margin])
    torch.testing.assert_close(part, whole[:, 7:11], atol=1e-6, rtol=1e-5)


def test_synthesised_speech_teaches_too(talking, model):
    """A line of another voice gets the lips that its phones have in the clip, and changes what is learned."""
    speech = built_in_speech("driving")
    rng = np.random.default_rng(0)
    line = read_line(speech.samples, as_rows(speech.phones), Phone29(), rng)
    assert line.features.shape[1] == COLUMNS
    assert line.phones[-1, 2] == pytest.approx(len(line.features) / 50, abs=0.03)
    aligned = replace(talking, phones=as_rows(built_in_speech("training").phones))
    ((rows, motion, _),) = speak_lines([line], [aligned], model)
    assert rows is line.features
    assert motion.shape == (len(rows) // 2, 32)
    gap = Mouth.of(model).gap(np.pad(motion, ((0, 0), (2, 0))))  # the lids come first
    times = (np.arange(len(gap)) + 0.5) / 25

    def gaps(classes):
        spans = [(a, b) for c, a, b in line.phones if CLASSES[int(c)] in classes and b - a > 0.05]
        return np.mean([gap[(times > a) & (times < b)].mean() for a, b in spans])

    assert gaps(("a", "ae")) > gaps(("p", "m")) + 0.002
    with pytest.raises(D3Error, match="aligned none of the clips"):
        speak_lines([line], [replace(talking, phones=np.zeros((0, 3)))], model)
    alone, taught = (learn_nets([aligned], model, SHAPE, SETTINGS, lines) for lines in ([], [line]))
    assert not np.allclose(say_clip(alone, talking, model)[0], say_clip(taught, talking, model)[0], atol=0.01)
