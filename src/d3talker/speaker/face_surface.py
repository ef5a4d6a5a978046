"""The resting face and neck as one smooth surface: profile curves swept round the head, plus modelled features.

A point of the surface has two material coordinates: ``across`` (its resting x) and ``along`` (the y of its row on the
midline of the face). Features are placed in them, in metres: eyes at 0.010, tip of the nose -0.025, lips -0.058.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import PchipInterpolator

from d3talker.speaker.identity import Identity

EYE_HEIGHT = 0.010
EYE_SIDE = 0.0318
MOUTH_HEIGHT = -0.058
CHIN_ROW = -0.110

# One line a row of the sweep, metres: y at the front, sides and back; z at the front, centre and back; half width.
PROFILE = np.array(
    [
        [0.1215, 0.1215, 0.1215, -0.0115, -0.012, -0.0125, 0.0004],
        [0.1185, 0.1185, 0.1185, 0.0180, -0.012, -0.0400, 0.0240],
        [0.1110, 0.1110, 0.1110, 0.0390, -0.012, -0.0600, 0.0420],
        [0.0980, 0.0980, 0.0980, 0.0580, -0.012, -0.0780, 0.0575],
        [0.0800, 0.0800, 0.0800, 0.0735, -0.012, -0.0910, 0.0685],
        [0.0600, 0.0600, 0.0600, 0.0822, -0.012, -0.0975, 0.0745],
        [0.0400, 0.0400, 0.0400, 0.0862, -0.012, -0.1000, 0.0765],
        [0.0200, 0.0200, 0.0180, 0.0850, -0.010, -0.0990, 0.0765],
        [0.0050, 0.0050, 0.0000, 0.0825, -0.008, -0.0950, 0.0755],
        [-0.0150, -0.0130, -0.0200, 0.0830, -0.006, -0.0880, 0.0735],
        [-0.0350, -0.0300, -0.0350, 0.0845, -0.004, -0.0800, 0.0700],
        [-0.0550, -0.0450, -0.0470, 0.0850, -0.002, -0.0720, 0.0655],
        [-0.0750, -0.0580, -0.0550, 0.0835, 0.000, -0.0660, 0.0600],
        [-0.0920, -0.0680, -0.0600, 0.0810, 0.002, -0.0620, 0.0545],
        [-0.1030, -0.0750, -0.0630, 0.0760, 0.002, -0.0600, 0.0505],
        [-0.1095, -0.0805, -0.0660, 0.0680, 0.000, -0.0600, 0.0485],
        [-0.1125, -0.0880, -0.0700, 0.0540, -0.005, -0.0600, 0.0480],
        [-0.1125, -0.0960, -0.0750, 0.0380, -0.010, -0.0620, 0.0490],
        [-0.1140, -0.1040, -0.0820, 0.0270, -0.015, -0.0640, 0.0500],
        [-0.1250, -0.1150, -0.0950, 0.0200, -0.018, -0.0660, 0.0510],
        [-0.1450, -0.1350, -0.1150, 0.0160, -0.020, -0.0680, 0.0530],
        [-0.1650, -0.1500, -0.1350, 0.0160, -0.020, -0.0720, 0.0590],
        [-0.1780, -0.1580, -0.1450, 0.0200, -0.020, -0.0800, 0.0780],
        [-0.1900, -0.1660, -0.1550, 0.0290, -0.020, -0.0900, 0.1120],
        [-0.2050, -0.1800, -0.1700, 0.0400, -0.020, -0.1000, 0.1520],
        [-0.2350, -0.2120, -0.2000, 0.0560, -0.020, -0.1050, 0.1820],
        [-0.3000, -0.2900, -0.2900, 0.0720, -0.020, -0.1050, 0.1980],
        [-0.4200, -0.4200, -0.4200, 0.0780, -0.020, -0.1050, 0.2020],
    ]
)
NECK_START, NECK_END = 18.0, 22.0  # rows of PROFILE between which the head's motion fades out


def profile_for(identity: Identity) -> np.ndarray:
    """``PROFILE`` with the person's widths and chin."""
    table = PROFILE.copy()
    front = table[:, 0]
    table[:, 6] *= np.interp(front, [-0.45, -0.19, -0.17, -0.12, -0.10, -0.05, 0.02, 0.12], [
        identity.shoulder_width, identity.shoulder_width, identity.neck_width, identity.neck_width,
        identity.jaw_width, identity.jaw_width, identity.face_width, identity.face_width,
    ])  # fmt: skip
    table[:, :2] -= identity.chin_length * np.interp(front, [-0.2, -0.13, -0.10, -0.06], [0, 1, 1, 0])[:, None]
    return table


def sweep(profile: np.ndarray, rows: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Points of the bare sweep.

    Args:
        profile: the table (see ``PROFILE``).
        rows: (R,) row numbers of the table, in fractions.
        angles: (A,) angle round the head, 0 at the front, positive towards +x.

    Returns:
        (R, A, 3) metres.
    """
    y_front, y_side, y_back, z_front, z_centre, z_back, width = PchipInterpolator(np.arange(len(profile)), profile)(
        rows
    ).T[:, :, None]
    cosine, sine = np.cos(angles)[None], np.sin(angles)[None]
    ahead = cosine > 0
    z = z_centre + np.where(ahead, z_front - z_centre, z_centre - z_back) * cosine
    y = y_side + np.where(ahead, y_front - y_side, y_back - y_side) * cosine**2
    return np.stack([width * sine, y, z], axis=-1)


def bump(x: np.ndarray, y: np.ndarray, at: tuple[float, float], size: tuple[float, float]) -> np.ndarray:
    """A Gaussian hill of height 1."""
    return np.exp(-0.5 * (((x - at[0]) / size[0]) ** 2 + ((y - at[1]) / size[1]) ** 2))


def relief(across: np.ndarray, along: np.ndarray, identity: Identity) -> np.ndarray:
    """How far the features stand out of the bare sweep, towards the viewer, in metres."""
    x, y = np.abs(across), along
    z = 0.0035 * bump(x, y, (0.026, 0.030), (0.018, 0.0065)) + 0.002 * bump(x, y, (0, 0.025), (0.010, 0.008))  # brow
    z -= 0.0070 * bump(x, y, (0.0300, 0.010), (0.0150, 0.0095)) + 0.003 * bump(x, y, (0.016, 0.012), (0.006, 0.007))
    z += 0.0045 * bump(x, y, (0.046, -0.014), (0.014, 0.011)) - 0.0025 * bump(x, y, (0.047, -0.048), (0.013, 0.016))
    z += 0.0050 * bump(x, y, (0, -0.056), (0.022, 0.016))  # muzzle
    z -= 0.0040 * bump(x, y, (0, -0.0765), (0.018, 0.0045)) - 0.0065 * bump(x, y, (0, -0.096), (0.0150, 0.0090))
    z += nose(x, y, identity)
    # The fold from the wing of the nose to the corner of the mouth.
    fold_x = np.interp(-y, [0.030, 0.045, 0.062], [0.0165, 0.024, 0.0325])
    z -= 0.0014 * np.exp(-0.5 * ((x - fold_x) / 0.0035) ** 2) * bump(0 * x, y, (0, -0.044), (1, 0.011))
    z -= 0.0016 * bump(x, y, (0, -0.046), (0.0028, 0.0055)) - 0.0008 * bump(x, y, (0.0055, -0.047), (0.002, 0.006))
    return z


def nose(x: np.ndarray, y: np.ndarray, identity: Identity) -> np.ndarray:
    """The relief of the nose for x >= 0."""
    tip = -0.0250 * identity.nose_length
    heights = np.array([0.040, 0.022, 0.012, 0.000, -0.012, tip, tip - 0.0045, tip - 0.0085, tip - 0.0125, tip - 0.018])
    ridge = PchipInterpolator(
        heights[::-1], np.array([0, 0.001, 0.0040, 0.0105, 0.0185, 0.0262, 0.0245, 0.0160, 0.0060, 0])[::-1]
    )
    half_width = np.interp(-y, [-0.022, -0.010, 0.010, -tip - 0.002, 0.036], [0.009, 0.0068, 0.0082, 0.0105, 0.0075])
    half_width = half_width * identity.nose_width
    inside = (y < 0.040) & (y > tip - 0.018)
    height = np.where(inside, ridge(np.clip(y, tip - 0.018, 0.040)), 0)
    z = height * np.exp(-0.5 * (x / half_width) ** 2.2)
    z += 0.0050 * bump(x, y, (0.010, -0.006), (0.010, 0.016))  # the slopes at both sides
    wing = 0.0135 * identity.nose_width
    z += 0.0080 * bump(x, y, (wing, tip - 0.0040), (0.0046, 0.0050))
    z -= 0.0016 * bump(x, y, (wing + 0.0065, tip - 0.004), (0.0022, 0.006))
    z -= 0.0055 * bump(x, y, (0.0070 * identity.nose_width, tip - 0.0098), (0.0030, 0.0022))  # nostril
    return z
