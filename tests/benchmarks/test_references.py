"""What is raced against computes the same."""

import pytest
import torch
from benchmarks.scene import head_scene
from benchmarks.torch_tiles import render_tiles
from benchmarks.training_step import plain_field, plain_ssim

from d3talker.config.method import D3TALKER
from d3talker.fields.deformation import DeformationField
from d3talker.ops.photometric import ssim
from d3talker.ops.rasterize import rasterize


def test_the_plain_field_moves_points_alike() -> None:
    generator = torch.Generator().manual_seed(0)
    field = DeformationField(D3TALKER.face.fields[0], generator)
    points = 0.2 * torch.rand(50, 3, generator=generator) - 0.1
    code, expression = torch.randn(32, generator=generator), torch.rand(6, generator=generator)
    ours, theirs = field(field.rest(points), code, expression), plain_field(field, points, code, expression)
    for name in ("position", "rotation", "scale"):
        torch.testing.assert_close(getattr(ours, name), getattr(theirs, name))


def test_the_plain_similarity_is_the_same() -> None:
    generator = torch.Generator().manual_seed(0)
    a, b = (torch.rand(1, 24, 20, 3, generator=generator) for _ in range(2))
    assert float(plain_ssim(a, b)) == pytest.approx(float(ssim(a, b)), abs=1e-5)


def test_the_tiles_show_the_same_picture() -> None:
    scene = head_scene(200, 40)
    torch.testing.assert_close(
        render_tiles(scene, 40, 40)[0], rasterize(**scene, width=40, height=40).features[0], atol=1e-4, rtol=1e-4
    )
