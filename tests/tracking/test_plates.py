import numpy as np
import pytest
from scipy import ndimage

from d3talker.tracking.plates import BackgroundEstimator, fill_smoothly, torso_layer, torso_plate

ROWS, COLUMNS = np.mgrid[:128, :160]
TEXTURE = np.stack(
    [120 + 60 * np.sin(COLUMNS / 7), 120 + 60 * np.cos(ROWS / 9), 90 + 0.5 * ROWS + 0.3 * COLUMNS], axis=-1
).astype(np.uint8)
HEAD, SHIRT = np.array([250, 10, 10], dtype=np.uint8), np.array([10, 10, 240], dtype=np.uint8)


def person_at(centre):
    """Labels of a round head over a neck and a torso."""
    labels = np.zeros((128, 160), dtype=np.uint8)
    labels[(np.abs(COLUMNS - centre) < 8) & (ROWS > 60)] = 1
    labels[(np.abs(COLUMNS - centre) < 26) & (ROWS > 90)] = 1
    labels[(COLUMNS - centre) ** 2 + (ROWS - 45) ** 2 < 26**2] = 2
    labels[(COLUMNS - centre) ** 2 + (ROWS - 47) ** 2 < 20**2] = 3
    return labels


def picture_of(labels, noise=0, seed=0):
    frame = TEXTURE.copy()
    frame[labels == 1], frame[labels >= 2] = SHIRT, HEAD
    shake = np.random.default_rng(seed).integers(-noise, noise + 1, frame.shape)
    return np.clip(frame.astype(int) + shake, 0, 255).astype(np.uint8)


def test_background_behind_a_moving_person_is_recovered():
    estimator = BackgroundEstimator(128, 160, every=1)
    seen = np.zeros((128, 160), dtype=bool)
    for step, centre in enumerate(range(50, 111, 4)):
        labels = person_at(centre)
        estimator.add(picture_of(labels, noise=3, seed=step), labels)
        far = np.ones_like(seen)
        rows, columns = np.nonzero(labels)
        far[rows.min() - 8 :, columns.min() - 8 : columns.max() + 9] = False
        seen |= far
    error = np.abs(estimator.plate().astype(int) - TEXTURE)[seen]
    assert seen.mean() > 0.85
    assert error.mean() < 1.0
    assert np.percentile(error, 99) <= 3


def test_background_ignores_stray_pixels_beside_the_mask_when_it_sees_them_free_later():
    estimator = BackgroundEstimator(128, 160, every=1)
    for centre in (50, 110):
        labels = person_at(centre)
        frame = picture_of(labels)
        frame[44:46, centre + 26 : centre + 28] = HEAD  # an ear ring that the mask misses
        estimator.add(frame, labels)
    error = np.abs(estimator.plate().astype(int) - TEXTURE)
    assert error[44:46, 76:78].max() <= 2
    assert error[44:46, 136:138].max() <= 2


def test_background_never_seen_is_filled_between_its_surroundings():
    labels = person_at(80)
    frame = np.full((128, 160, 3), 100, dtype=np.uint8)
    frame[:, 80:] = 140
    frame[labels > 0] = HEAD
    estimator = BackgroundEstimator(128, 160)
    estimator.add(frame, labels)
    plate = estimator.plate().astype(int)
    assert plate[labels > 0].min() >= 99
    assert plate[labels > 0].max() <= 141
    assert plate[45, 60:100].mean() == pytest.approx(120, abs=5)
    assert np.abs(np.diff(plate[45, 58:102, 0])).max() <= 12  # no seam


def test_background_uses_one_frame_of_every_five():
    estimator = BackgroundEstimator(16, 16)
    nobody = np.zeros((16, 16), dtype=np.uint8)
    for value in range(10):
        estimator.add(np.full((16, 16, 3), 20 * value, dtype=np.uint8), nobody)
    np.testing.assert_array_equal(estimator.plate(), 50)  # of frames 0 and 5: 0 and 100


def test_smooth_filling_keeps_the_known_and_answers_when_nothing_is_known():
    colours = np.random.default_rng(0).random((13, 18, 2)).astype(np.float32)
    known = np.random.default_rng(1).random((13, 18)) > 0.7
    filled = fill_smoothly(colours, known)
    np.testing.assert_array_equal(filled[known], colours[known])
    assert filled.min() >= colours[known].min()
    assert filled.max() <= colours[known].max()
    np.testing.assert_array_equal(fill_smoothly(colours, np.zeros_like(known)), 127.5)


def test_torso_plate_holds_no_head_and_keeps_the_torso():
    labels = person_at(80)
    frame = picture_of(labels)
    rim = (COLUMNS - 80) ** 2 + (ROWS - 45) ** 2 < 28**2
    frame[rim & (labels == 0)] = HEAD  # a halo of stray hair around the head
    plate = torso_plate(frame, labels, TEXTURE)
    redness = plate[..., 0].astype(int) - np.maximum(plate[..., 1], plate[..., 2])
    assert redness.max() < 120  # the texture's own reddest is 104, the head's 240
    far_torso = (labels == 1) & (ROWS > 75)
    np.testing.assert_array_equal(plate[far_torso], frame[far_torso])
    np.testing.assert_array_equal(plate[:20], TEXTURE[:20])


def test_neck_reaches_up_behind_the_chin_and_dissolves():
    labels = person_at(80)
    plate, alpha = torso_layer(picture_of(labels), labels, TEXTURE)
    border = np.flatnonzero(labels[:, 80] == 1)[0]
    reach = round(0.16 * 39)
    for up in range(1, round(0.5 * reach)):
        blue = plate[border - up, 80].astype(int)
        assert blue[2] > 170
        assert blue[:2].max() < 60
    np.testing.assert_array_equal(plate[border - reach - 4, 75:86], TEXTURE[border - reach - 4, 75:86])
    assert alpha[border + 10, 80] == 255
    assert alpha[border - 1, 80] > 200
    assert alpha[border - reach - 4, 80] == 0


def test_nothing_of_the_torso_is_drawn_beside_the_head():
    labels = person_at(80)
    labels[(np.abs(COLUMNS - 80) < 28) & (ROWS > 55) & (labels == 0)] = 1  # a high collar, wider than the head
    plate = torso_plate(picture_of(labels), labels, TEXTURE)
    beside = (labels == 0) & ~ndimage.binary_dilation(labels == 1, np.ones((3, 3)), iterations=4)
    np.testing.assert_array_equal(plate[beside], TEXTURE[beside])


def test_alpha_tells_how_torso_and_background_are_mixed():
    labels = person_at(80)
    frame = picture_of(labels)
    on_texture, alpha = torso_layer(frame, labels, TEXTURE)
    on_black, same = torso_layer(frame, labels, np.zeros_like(TEXTURE))
    np.testing.assert_array_equal(alpha, same)
    share = alpha[..., None] / 255.0
    np.testing.assert_allclose(on_texture, on_black + (1 - share) * TEXTURE, atol=2.0)
    assert np.unique(alpha).size > 4  # a soft border


def test_plate_without_a_person_is_the_background():
    plate, alpha = torso_layer(TEXTURE, np.zeros((128, 160), dtype=np.uint8), TEXTURE)
    np.testing.assert_array_equal(plate, TEXTURE)
    assert alpha.max() == 0
