import numpy as np
import pytest
from synthetic_people import MODEL, SHAPES, coefficients, neutral_face, record
from threadpoolctl import threadpool_limits

from d3talker.faces import points
from d3talker.faces.basis import Person, learn_basis, learn_identity, mirrored, observe
from d3talker.faces.fit import displacements
from d3talker.faces.mp468 import point_weights


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    with threadpool_limits(1):  # idle threads of BLAS would spin on a busy machine
        yield


@pytest.fixture(scope="module")
def people():
    generator = np.random.default_rng(1)
    lengths = (50, 50, 50, 120)
    return [
        observe([record(generator, neutral_face(generator), coefficients(generator, length))]) for length in lengths
    ]


@pytest.fixture(scope="module")
def basis(people):
    return learn_basis(people, SHAPES)


def test_blinks_are_found_apart_from_the_rest(basis):
    for learned, truth in zip(basis.expression[:2], MODEL.expression[:2].numpy(), strict=True):
        assert np.abs(learned - truth).max() < 3e-4  # of 10 mm
    weighted = (basis.expression * point_weights()).reshape(2 + SHAPES, -1)
    weighted /= np.linalg.norm(weighted, axis=1, keepdims=True)
    assert np.abs(weighted[:2] @ weighted[2:].T).max() < 0.02


def test_neither_blinks_nor_components_move_the_head(people):
    nodding = []
    for person in people[:3]:
        closed = person.moved[:, points.RIGHT_UPPER_LID, 1].mean(axis=1, keepdims=True)
        moved = person.moved.copy()
        moved[:, points.RIGID, 1] += 0.1 * closed  # a tracker that nods a little with every blink
        nodding.append(Person(person.neutral, moved))
    learned = learn_basis(nodding, 2)
    assert not learned.expression[:2, points.RIGID].any()
    for shape in learned.expression:
        kept = displacements((learned.mean + 0.1 * shape)[None], learned.mean)[0]
        assert np.abs(kept - 0.1 * shape).max() < 2e-3 * np.abs(0.1 * shape).max()


def test_components_span_the_shapes_that_people_used(basis):
    truth = (MODEL.expression[2 : 2 + SHAPES].numpy() * point_weights()).reshape(SHAPES, -1)
    learned = (basis.expression[2:] * point_weights()).reshape(SHAPES, -1)
    left = truth - truth @ np.linalg.pinv(learned) @ learned
    assert (np.linalg.norm(left, axis=1) < 0.02 * np.linalg.norm(truth, axis=1)).all()


def test_unit_is_a_standard_deviation_about_the_neutral_face(basis, people):
    shapes = basis.expression[2:].reshape(SHAPES, -1)
    flat = (shapes.reshape(SHAPES, 468, 3) * point_weights()).reshape(SHAPES, -1)
    squares = []
    for person in people:
        for moved in (person.moved, mirrored(person.moved)):
            weighted = (moved * point_weights()).reshape(len(moved), -1)
            squares.append(np.square(weighted @ np.linalg.pinv(flat)).mean(axis=0))
    np.testing.assert_allclose(np.mean(squares, axis=0), 1, rtol=0.02)


def test_long_clips_have_no_more_say(people, basis):
    twice = np.concatenate([people[0].moved] * 2)
    again = learn_basis([Person(people[0].neutral, twice), *people[1:]], SHAPES)
    np.testing.assert_allclose(again.expression, basis.expression, atol=1e-7)


def test_mirrored_people_give_the_same_basis(people, basis):
    turned = [Person(mirrored(person.neutral), mirrored(person.moved)) for person in people]
    other = learn_basis(turned, SHAPES)
    np.testing.assert_allclose(other.mean, basis.mean, atol=1e-12)
    shapes, again = basis.expression[2:].reshape(SHAPES, -1), other.expression[2:].reshape(SHAPES, -1)
    cosine = (shapes * again).sum(axis=1) / np.linalg.norm(shapes, axis=1) / np.linalg.norm(again, axis=1)
    np.testing.assert_allclose(np.abs(cosine), 1, atol=1e-6)


def test_mouth_opens_with_the_first_component_and_lips_order_them(basis):
    lips = np.square(basis.expression[2:, points.LIPS]).sum(axis=(1, 2))
    assert (np.diff(lips) <= 0).all()
    first = basis.expression[2]
    assert first[points.UPPER_INNER_LIP, 1].mean() - first[points.LOWER_INNER_LIP, 1].mean() > 0.004


def test_identity_has_two_less_than_people_and_one_standard_deviation(people):
    neutrals = [person.neutral for person in people]
    mean, identity = learn_identity(neutrals)
    assert identity.shape == (2, 468, 3)
    both = np.concatenate([neutrals, [mirrored(face) for face in neutrals]]) - mean
    scores = both.reshape(8, -1) @ np.linalg.pinv(identity.reshape(2, -1))
    np.testing.assert_allclose(np.square(scores).sum(axis=0) / 7, 1, rtol=1e-6)


def test_clips_of_one_person_share_a_neutral_face():
    generator = np.random.default_rng(2)
    face = neutral_face(generator)
    clips = [record(generator, face, coefficients(generator, 40)) for _ in range(2)]
    person = observe(clips)
    assert person.moved.shape == (80, 468, 3)
    np.testing.assert_allclose(person.neutral, observe(clips[:1]).neutral, atol=2e-5)
