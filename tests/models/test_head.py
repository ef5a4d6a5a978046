"""The head: composition, fields in sequence, codes that stream."""

import torch

from d3talker.config.method import TALKINGGAUSSIAN
from d3talker.models.animate import Animation, Codes, clip_codes, stream_codes
from d3talker.models.gaussians import draw, start_gaussians
from d3talker.models.head import Head, build_head, compose
from d3talker.models.person import head_from_tensors, head_tensors
from d3talker.ops.rasterize import Rendered

CAMERA = torch.tensor([[1.0, 0, 0, 0], [0, -1, 0, 0], [0, 0, -1, 0.8], [0, 0, 0, 1]])
INTRINSICS = torch.tensor([[140.0, 0, 32], [0, 140.0, 32], [0, 0, 1]])


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make_head() -> Head:
    def cloud(seed: int):
        points = (torch.rand(150, 3, generator=seeded(seed)) - 0.5) * 0.15
        return start_gaussians(points, torch.rand(150, 3, generator=seeded(seed)), torch.full((150,), 0.004), 1)

    head = build_head(TALKINGGAUSSIAN, 32, cloud(1), cloud(2), seeded())
    with torch.no_grad():
        for branch in (head.face, head.mouth):
            branch.driven[0].field.tables.normal_(0, 0.3, generator=seeded(3))
    return head


def flat(colour: float, alpha: float) -> Rendered:
    whole = torch.ones(1, 4, 4)
    return Rendered(colour * alpha * whole[..., None].repeat(1, 1, 1, 3), alpha * whole, whole, torch.ones(1, 1))


def test_composition() -> None:
    behind = torch.full((1, 4, 4, 3), 0.2)
    assert torch.allclose(compose(flat(0.9, 1.0), flat(0.5, 1.0), behind), torch.tensor(0.9))
    assert torch.allclose(compose(flat(0.9, 0.0), flat(0.5, 1.0), behind), torch.tensor(0.5))
    assert torch.allclose(compose(flat(0.9, 0.0), flat(0.5, 0.0), behind), torch.tensor(0.2))
    half = compose(flat(0.8, 0.5), flat(0.4, 0.5), behind)
    assert torch.allclose(half, torch.tensor(0.4 + 0.5 * (0.2 + 0.5 * 0.2)))


def test_codes_stream_as_they_come_whole() -> None:
    head, windows = make_head(), torch.randn(41, 16, 32, generator=seeded())
    with torch.no_grad():
        whole = clip_codes(head.face, windows)[0], clip_codes(head.mouth, windows)[0]
    assert len(list(stream_codes(head, iter(windows[:1].split(1))))) == 1
    for cuts in ([41], [1, 2, 38], [7] * 5 + [6], [1] * 41):
        streamed = list(stream_codes(head, iter(windows.split(cuts))))
        assert len(streamed) == 41
        torch.testing.assert_close(torch.stack([c.face[0] for c in streamed]), whole[0], atol=1e-6, rtol=1e-5)
        torch.testing.assert_close(torch.stack([c.mouth[0] for c in streamed]), whole[1], atol=1e-6, rtol=1e-5)


def test_codes_are_smoothed_over_three_frames() -> None:
    head, windows = make_head(), torch.randn(12, 16, 32, generator=seeded())
    with torch.no_grad():
        raw, smooth = head.face.codes(windows, torch.arange(12))[0], clip_codes(head.face, windows)[0]
    torch.testing.assert_close(smooth[5], 0.25 * raw[4] + 0.5 * raw[5] + 0.25 * raw[6])
    torch.testing.assert_close(smooth[0], 0.75 * raw[0] + 0.25 * raw[1])
    assert smooth.diff(dim=0).norm() < raw.diff(dim=0).norm()


def test_inference_with_caches_is_inference_without() -> None:
    head, behind = make_head(), torch.full((64, 64, 3), 0.3)
    animation = Animation(head)
    with torch.no_grad():
        for seed in range(20):
            code = [torch.randn(32, generator=seeded(seed))]
            expression = torch.rand(6, generator=seeded(seed))
            cached, alpha = animation.frame(Codes(code, code), expression, CAMERA, INTRINSICS, behind)
            drawn = []
            for branch in (head.face, head.mouth):
                moved = branch.displace(branch.rest(), code, expression)
                drawn.append(draw(branch.gaussians, moved, CAMERA, INTRINSICS, 64))
            live = compose(drawn[0], drawn[1], behind[None])[0].clamp(0, 1)
            # a Gaussian may pass the threshold of 1/255 on one side only
            assert (cached - live).abs().quantile(0.999) < 1e-5
            assert (cached - live).abs().max() < 1e-2
            assert alpha.min() >= 0
            assert alpha.max() <= 1


def test_a_head_comes_back_from_its_tensors() -> None:
    head = make_head()
    again = head_from_tensors(TALKINGGAUSSIAN, 32, head_tensors(head))
    for (name, tensor), (other, found) in zip(head_tensors(head).items(), head_tensors(again).items(), strict=True):
        assert name == other
        assert torch.equal(tensor, found)
