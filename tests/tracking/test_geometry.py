import functools

import numpy as np
import pytest
from scipy import sparse
from scipy.sparse.linalg import spsolve

from d3talker.faces.mp468 import face_triangles
from d3talker.faces.points import FACE_OVAL
from d3talker.ops.mesh import vertex_normals
from d3talker.tracking.geometry import face_geometry

SIZE, FOCAL = 128, 300.0
INTRINSICS = np.array([[FOCAL, 0, SIZE / 2], [0, FOCAL, SIZE / 2], [0, 0, 1.0]])
FRONT = np.diag([1.0, -1.0, -1.0, 1.0])  # straight in front of the face ...
FRONT[2, 3] = 0.6  # ... at 60 cm


@functools.cache
def flat_layout():
    """The face mesh without crossings in the unit disc (478, 2): the outline on the circle, every other point in the
    middle of its neighbours (Tutte's embedding)."""
    triangles = face_triangles()
    pairs = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ones = np.ones(len(pairs))
    links = sparse.coo_matrix((ones, (pairs[:, 0], pairs[:, 1])), shape=(468, 468))
    links = ((links + links.T) > 0).astype(float)
    places = np.zeros((478, 2))
    angle = 2 * np.pi * np.arange(36) / 36
    places[FACE_OVAL] = np.stack([np.sin(angle), np.cos(angle)], axis=1)
    free = np.setdiff1d(np.arange(468), FACE_OVAL)
    laplacian = sparse.diags(np.asarray(links.sum(axis=1)).ravel()) - links
    known = -laplacian[free][:, FACE_OVAL] @ places[FACE_OVAL]
    places[free] = spsolve(laplacian[free][:, free].tocsc(), known)
    return places


def on_surface(depth):
    points = np.zeros((478, 3))
    points[:, :2] = 0.07 * flat_layout()
    points[:, 2] = depth(points[:, 0], points[:, 1])
    return points


def rays():
    centres = np.arange(SIZE) + 0.5
    x, y = np.meshgrid((centres - SIZE / 2) / FOCAL, (centres - SIZE / 2) / FOCAL)
    return np.stack([x, y, np.ones_like(x)], axis=-1)


def test_plane_has_its_analytic_depth_and_normal():
    slope = 0.5  # z rises to the right: the plane turns to the left
    depth, normals, mask = face_geometry(on_surface(lambda x, y: slope * x), FRONT, INTRINSICS, SIZE)
    direction = np.array([-slope, 0, 1]) / np.hypot(slope, 1)
    expected_normal = direction * [1, -1, -1]
    # camera z of p = t * ray with p_z = 0.6 - slope * p_x
    expected = 0.6 / (1 + slope * rays()[..., 0])
    assert mask.sum() > 2000
    np.testing.assert_allclose(depth[mask], expected[mask], atol=2e-5)
    np.testing.assert_allclose(normals[mask], np.broadcast_to(expected_normal, normals[mask].shape), atol=1e-5)


def test_sphere_is_met_within_a_millimetre():
    radius = 0.12
    sphere = on_surface(lambda x, y: np.sqrt(radius**2 - x**2 - y**2) - radius)
    depth, normals, mask = face_geometry(sphere, FRONT, INTRINSICS, SIZE)
    centre = np.array([0, 0, 0.6 + radius])
    ray = rays()
    b = ray @ centre
    square = (ray**2).sum(axis=-1)
    inside = np.maximum(b**2 - square * (centre @ centre - radius**2), 0)
    expected = (b - np.sqrt(inside)) / square
    seen = mask & (np.hypot(ray[..., 0], ray[..., 1]) * 0.6 < 0.06)
    assert seen.sum() > 1500
    # The plane pieces of the mesh lie inside the sphere by their sagitta: never nearer, at most 1 mm behind.
    behind = (depth - expected)[seen]
    assert behind.min() > -2e-5
    assert behind.max() < 1e-3
    assert behind.mean() < 3e-4
    exact = (ray * expected[..., None] - centre) / radius
    assert (np.sum(exact * normals, axis=-1)[seen]).mean() > 0.999


def test_normals_have_unit_length_and_face_the_camera():
    face = on_surface(lambda x, y: 0.02 * np.cos(40 * x) + 0.03 * np.cos(30 * y))
    angle = np.radians(25)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    pose = FRONT.copy()
    pose[:3, :3] = FRONT[:3, :3] @ turn
    depth, normals, mask = face_geometry(face, pose, INTRINSICS, SIZE)
    assert mask.dtype == bool
    assert depth.dtype == normals.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(normals[mask], axis=-1), 1.0, atol=1e-5)
    assert (normals[mask][:, 2] < 0).all()
    assert (depth[mask] > 0.4).all()
    assert not depth[~mask].any()
    assert not normals[~mask].any()


def test_mask_has_the_area_of_the_disc_less_eyes_and_mouth():
    _, _, mask = face_geometry(on_surface(lambda x, y: 0 * x), FRONT, INTRINSICS, SIZE)
    triangles, places = face_triangles(), flat_layout() * 0.07 * FOCAL / 0.6
    a, b, c = (places[triangles[:, corner]] for corner in range(3))
    area = 0.5 * ((b - a)[:, 0] * (c - a)[:, 1] - (b - a)[:, 1] * (c - a)[:, 0])
    assert mask.sum() == pytest.approx(area.sum(), rel=0.02)
    assert mask.sum() < 0.99 * np.pi * (0.07 * FOCAL / 0.6) ** 2


def test_face_seen_from_behind_is_empty():
    back = np.diag([-1.0, -1.0, 1.0, 1.0])
    back[2, 3] = 0.6
    _, _, mask = face_geometry(on_surface(lambda x, y: 0 * x), back, INTRINSICS, SIZE)
    assert not mask.any()


def test_vertex_normal_is_the_mean_weighted_by_area():
    points = np.array([[0, 0, 0], [2, 0, 0], [0, 1, 0], [0, 0, 1.0]])
    normals = vertex_normals(points, np.array([[0, 1, 2], [0, 2, 3]]))
    np.testing.assert_allclose(normals[1], [0, 0, 1])
    np.testing.assert_allclose(normals[0], np.array([1, 0, 2]) / np.sqrt(5))
