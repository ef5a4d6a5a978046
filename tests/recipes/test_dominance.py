import numpy as np
import pytest
import torch

from d3talker.faces.model import load_face_model
from d3talker.phonetics.classes import CLASS_INDEX, CLASSES
from d3talker.recipes.motion_training.dominance import Dominance, fit_dominance, spoken_motion
from d3talker.recipes.motion_training.learn import Readout
from d3talker.signals.motion_style import SHUT, Mouth

HEARD = ("sil", "p", "a", "s", "o", "i", "k", "I", "t", "u")


def phones(count, seed):
    """A chain of phones of 40 to 200 ms."""
    rng = np.random.default_rng(seed)
    names = rng.choice(HEARD, count)
    ends = np.cumsum(rng.uniform(0.04, 0.2, count))
    return np.stack([[CLASS_INDEX[n] for n in names], np.concatenate([[0], ends[:-1]]), ends], axis=1)


@pytest.fixture(scope="module")
def true():
    generator = torch.Generator().manual_seed(0)
    return Dominance(
        torch.randn(len(CLASSES), 5, generator=generator),
        torch.randn(len(CLASSES), generator=generator),
        torch.empty(len(CLASSES), 2).uniform_(0.03, 0.15, generator=generator).log(),
    )


@pytest.fixture(scope="module")
def fitted(true):
    utterances = []
    for seed in range(6):
        said = phones(60, seed)
        frames = int(25 * said[-1, 2])
        utterances.append((said, true.motion(said, frames).numpy() + np.float32(0.3 * seed)))
    return fit_dominance(utterances)


def test_a_long_phone_reaches_its_target(true):
    said = np.array([[CLASS_INDEX["a"], 0.0, 1.0], [CLASS_INDEX["p"], 1.0, 2.0]])
    motion = true.motion(said, 50)
    torch.testing.assert_close(motion[5], true.targets[CLASS_INDEX["a"]], atol=0.02, rtol=0)
    torch.testing.assert_close(motion[45], true.targets[CLASS_INDEX["p"]], atol=0.02, rtol=0)
    between = (motion[22:28] - motion[5]) @ (motion[45] - motion[5]) / (motion[45] - motion[5]).square().sum()
    assert (between.diff() >= 0).all()
    assert between[0] < 0.5 < between[-1]


def test_fitting_finds_what_moved_the_faces(true, fitted):
    """On phones never seen, whatever the offset of each clip."""
    said = phones(80, 99)
    frames = int(25 * said[-1, 2])
    wanted, given = true.motion(said, frames), fitted.motion(said, frames)
    for column in range(5):
        assert np.corrcoef(wanted[:, column], given[:, column])[0, 1] > 0.95


def test_classes_never_heard_move_like_their_like(fitted):
    for name, like in (("x", "k"), ("r", "t"), ("@", "I"), ("y", "u")):
        torch.testing.assert_close(fitted.targets[CLASS_INDEX[name]], fitted.targets[CLASS_INDEX[like]])


def test_spoken_lips_meet_on_bilabials():
    model = load_face_model()
    mouth, moved = Mouth.of(model), Readout(model).moved
    wide = torch.from_numpy(0.01 * mouth.slope[moved] / (mouth.slope @ mouth.slope)).float()
    open_always = Dominance(wide.expand(len(CLASSES), -1), torch.zeros(len(CLASSES)), torch.zeros(len(CLASSES), 2) - 3)
    said = np.array([[CLASS_INDEX["a"], 0, 0.4], [CLASS_INDEX["p"], 0.4, 0.48], [CLASS_INDEX["a"], 0.48, 1.0]])
    whole = np.zeros((25, len(mouth.slope)))
    whole[:, moved] = spoken_motion(open_always, said, 25, mouth, moved)
    gap = mouth.gap(whole) - mouth.rest
    assert (gap[10:12] < SHUT + 1e-6).all()
    np.testing.assert_allclose(gap[[0, 5, 16, 24]], 0.01, atol=1e-6)
