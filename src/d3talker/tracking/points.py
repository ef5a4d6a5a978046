"""MediaPipe's face points by name: 468 points of the face mesh and 10 of the irises.

"Right" and "left" are the person's own; the person's right is on the left of the picture. The rings and brows are those
of MediaPipe's published face mesh topology (``face_mesh_connections``), in order around the ring.
"""

from __future__ import annotations

import numpy as np

COUNT = 478
"""Points a face, irises included."""


def _indices(*numbers: int) -> np.ndarray:
    table = np.array(numbers, dtype=np.int64)
    table.flags.writeable = False
    return table


FACE_OVAL = _indices(
    *(10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    *(152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109),
)
OUTER_LIPS = _indices(61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185)
INNER_LIPS = _indices(78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191)
RIGHT_EYE = _indices(33, 7, 163, 144, 145, 153, 154, 155, 133, 173, 157, 158, 159, 160, 161, 246)
LEFT_EYE = _indices(263, 249, 390, 373, 374, 380, 381, 382, 362, 398, 384, 385, 386, 387, 388, 466)
RIGHT_IRIS = _indices(469, 470, 471, 472)
LEFT_IRIS = _indices(474, 475, 476, 477)
RIGHT_BROW = _indices(70, 63, 105, 66, 107, 46, 53, 52, 65, 55)
LEFT_BROW = _indices(300, 293, 334, 296, 336, 276, 283, 282, 295, 285)

FOREHEAD, CHIN = 10, 152
GLABELLA, NOSE_BASE = 9, 2
OUTER_EYE_CORNERS = _indices(33, 263)
INNER_EYE_CORNERS = _indices(133, 362)
MOUTH_CORNERS = _indices(61, 291)

UPPER_INNER_LIP = _indices(82, 13, 312)
LOWER_INNER_LIP = _indices(87, 14, 317)

RIGHT_UPPER_LID, RIGHT_LOWER_LID = _indices(160, 159, 158), _indices(144, 145, 153)
LEFT_UPPER_LID, LEFT_LOWER_LID = _indices(387, 386, 385), _indices(373, 374, 380)

MIRROR_PAIRS = np.array(
    [
        *((33, 263), (133, 362), (130, 359), (243, 463), (244, 464), (226, 446)),  # eye corners
        *(
            (127, 356),
            (162, 389),
            (21, 251),
            (34, 264),
            (139, 368),
            (71, 301),
            (54, 284),
            (68, 298),
            (156, 383),
        ),  # temples
        *((67, 297), (109, 338), (103, 332), (69, 299), (104, 333), (108, 337)),  # forehead
        *((193, 417), (122, 351), (188, 412), (174, 399), (196, 419), (3, 248), (236, 456), (198, 420)),  # nose bridge
        *((51, 281), (45, 275), (131, 360), (134, 363), (115, 344), (220, 440), (48, 278)),  # sides of the nose
        *(
            (143, 372),
            (111, 340),
            (35, 265),
            (116, 345),
            (117, 346),
            (123, 352),
            (234, 454),
            (93, 323),
        ),  # cheek bones, ears
    ]
)
"""Rigid points (right, left) that mirror each other."""

MIDLINE = _indices(10, 151, 9, 8, 168, 6, 197, 195, 5, 4, 1)
"""Rigid points of the plane of symmetry, from the forehead to the tip of the nose."""

RIGID = _indices(*MIDLINE, *MIRROR_PAIRS.ravel())
"""Points that follow the skull rather than the expression: what the head pose is solved from."""
