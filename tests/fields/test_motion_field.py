"""Motion codes: sizes of the networks, lips against cheeks, clip ends, gradients, seeds."""

import pytest
import torch
from torch import Tensor

from d3talker.faces.model import load_face_model
from d3talker.faces.pncc import Pncc
from d3talker.faces.points import LOWER_INNER_LIP, UPPER_INNER_LIP
from d3talker.fields.motion import GAIN, PICTURE, DifferenceEncoder, MotionTcn, motion_encoder, stored


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def parameters(module: torch.nn.Module) -> int:
    return sum(p.numel() for p in module.parameters())


def painted_face(gap: float = 0.0, cheek: float = 0.0) -> Tensor:
    """A face like a PNCC picture (3, 256, 256): colours run over an ellipse, the mouth is a hole of background.

    ``gap`` pixels between the lips, which give way to both sides; ``cheek`` pixels that a patch of the left cheek
    moves sideways. 12 pixels are a centimetre.
    """
    y, x = torch.meshgrid(torch.arange(PICTURE) + 0.5, torch.arange(PICTURE) + 0.5, indexing="ij")
    hole = 0.5 * gap * (1 - ((x - 128) / 28) ** 2).clamp(min=0).sqrt()  # half its height at every column
    lips = torch.exp(-(((x - 128) / 30) ** 4))
    reach = torch.exp(-((y - 181).abs() / 12).clamp(max=8)) * lips
    from_y = y - torch.sign(y - 181) * 0.5 * gap * reach
    from_x = x - cheek * torch.exp(-(((x - 75) / 18) ** 2) - ((y - 150) / 18) ** 2)
    face = ((from_x - 128) / 88) ** 2 + ((from_y - 135) / 107) ** 2
    depth = (1 - face).clamp(min=0).sqrt()
    colours = torch.stack([(from_x - 128) / 88, (135 - from_y) / 107, 2 * depth - 1])
    inside = ((1 - face) * 60).clamp(0, 1) * ((y - 181).abs() - hole + 0.5).clamp(0, 1)
    return inside * colours.clamp(-1, 1) + inside - 1


def test_parameter_counts_are_those_of_the_specification() -> None:
    encoder = DifferenceEncoder(seeded())
    assert parameters(encoder.convolutions) == 106_688  # variant B: 112,928 less the linear layers of a pooled map
    assert parameters(encoder) == 106_688 + (4 * 4 * 64 * 64 + 64) + (64 * 32 + 32)
    assert parameters(MotionTcn(seeded())) == 3 * (32 * 32 * 3 + 32)


def test_shapes() -> None:
    assert DifferenceEncoder(seeded())(torch.zeros(2, 3, PICTURE, PICTURE)).shape == (2, 32)
    assert MotionTcn(seeded())(torch.zeros(5, 9, 32)).shape == (5, 32)


def test_the_face_at_rest_has_the_code_zero() -> None:
    codes = motion_encoder(seeded())(torch.zeros(4, 3, PICTURE, PICTURE), torch.arange(4))
    assert torch.equal(codes, torch.zeros(4, 32))


@pytest.fixture(scope="module")
def moved_faces() -> Tensor:
    """PNCC differences (4, 3, 256, 256): lips 5 mm apart, then both cheeks 5 mm to the side, up and outwards."""
    model = load_face_model()
    rest = Pncc(model)
    lips = torch.zeros(1, len(model.expression))
    lips[0, 2] = 1.0  # the first component after the blinks moves the lips most
    gap = gap_of(model.vertices(lips)[0]) - gap_of(model.mean)
    lips[0, 2] = 0.005 / gap
    differences = [rest.differences(lips)[0]]
    for direction in torch.eye(3):
        neutral = model.mean.clone()
        for cheek in (50, 280):
            near = torch.exp(-(((model.mean - model.mean[cheek]).norm(dim=1) / 0.015) ** 2))
            neutral += 0.005 * near[:, None] * direction
        differences.append(Pncc(model, neutral=neutral).canonical - rest.canonical)
    return torch.stack(differences)


def gap_of(face: Tensor) -> float:
    return float((face[UPPER_INNER_LIP.tolist(), 1] - face[LOWER_INNER_LIP.tolist(), 1]).mean())


@pytest.mark.parametrize("seed", range(4))
def test_lips_of_the_face_model_change_the_feature_far_more_than_cheeks(moved_faces: Tensor, seed: int) -> None:
    with torch.no_grad():
        lips, aside, up, outwards = DifferenceEncoder(seeded(seed))(moved_faces).norm(dim=1).tolist()
    assert lips > 5 * max(aside, up), (lips, aside, up)
    assert lips > 80 * outwards, (lips, outwards)


def test_the_gain_brings_a_moving_face_to_a_spread_of_about_one(moved_faces: Tensor) -> None:
    assert 0.4 < GAIN * float(moved_faces[0].std()) < 1.5
    assert float(moved_faces.abs().max()) <= 2.0


@pytest.mark.parametrize("seed", range(4))
def test_a_painted_lip_opening_changes_the_feature_far_more_than_a_cheek(seed: int) -> None:
    encoder, rest = DifferenceEncoder(seeded(seed)), painted_face()
    moved = torch.stack([painted_face(gap=6.0), painted_face(cheek=6.0)]) - rest  # 5 mm each
    with torch.no_grad():
        lips, cheek = encoder(moved).norm(dim=1).tolist()
    assert lips > 4 * cheek, (lips, cheek)


def test_the_place_of_a_rim_counts() -> None:
    """An upper lip that rises is not a lower lip that falls: a pooled map could hardly tell them apart."""
    encoder = DifferenceEncoder(seeded())
    rims = torch.zeros(2, 3, PICTURE, PICTURE)
    rims[0, :, 176:180, 100:156] = -1.0
    rims[1, :, 184:188, 100:156] = -1.0
    with torch.no_grad():
        upper, lower = encoder(rims)
    assert (upper - lower).norm() > 0.4 * upper.norm()


def test_differences_kept_as_bytes_give_the_same_code() -> None:
    encoder = motion_encoder(seeded())
    clip = torch.stack([painted_face(gap=gap) for gap in (0.0, 2.0, 6.0, 3.0)]) - painted_face()
    with torch.no_grad():
        exact, rounded = encoder(clip, torch.arange(4)), encoder(stored(clip), torch.arange(4))
    assert (exact - rounded).norm() < 0.02 * exact.norm()


def test_codes_do_not_depend_on_the_batch_and_each_frame_is_encoded_once() -> None:
    encoder, seen = motion_encoder(seeded()), []
    encoder.net.register_forward_hook(lambda module, given, result: seen.append(len(given[0])))
    clip = torch.randn(14, 3, PICTURE, PICTURE, generator=seeded()) * 0.1
    with torch.no_grad():
        together = encoder(clip, torch.tensor([5, 6, 7]))
        alone = torch.cat([encoder(clip, torch.tensor([i])) for i in (5, 6, 7)])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=1e-4)
    assert seen == [11, 9, 9, 9]  # frames 1 .. 11, then nine each


def test_the_ends_repeat_the_first_and_the_last_frame() -> None:
    encoder = motion_encoder(seeded())
    clip = torch.randn(10, 3, PICTURE, PICTURE, generator=seeded()) * 0.1
    longer = torch.cat([clip[:1].expand(4, -1, -1, -1), clip, clip[-1:].expand(4, -1, -1, -1)])
    with torch.no_grad():
        short, padded = encoder(clip, torch.tensor([0, 9])), encoder(longer, torch.tensor([4, 13]))
    torch.testing.assert_close(short, padded, atol=1e-5, rtol=1e-4)


def test_the_temporal_network_sees_nine_frames_and_passes_the_middle_one_through() -> None:
    tcn = MotionTcn(seeded()).double()
    features = torch.randn(1, 9, 32, generator=seeded(), dtype=torch.float64, requires_grad=True)
    tcn(features).sum().backward()
    assert features.grad is not None
    assert (features.grad[0].abs().sum(dim=1) > 0).all()
    for convolution in tcn.convolutions:
        torch.nn.init.zeros_(convolution.weight)
    assert torch.equal(tcn(features), features[:, 4])


def test_gradients_agree_with_finite_differences() -> None:
    encoder, tcn = DifferenceEncoder(seeded()).double(), MotionTcn(seeded()).double()
    patch = torch.randn(1, 3, 1, 1, generator=seeded(), dtype=torch.float64) * 0.1
    features = torch.randn(1, 9, 32, generator=seeded(1), dtype=torch.float64)

    def code(square: Tensor) -> Tensor:
        picture = torch.zeros(1, 3, PICTURE, PICTURE, dtype=torch.float64)
        picture[:, :, 180:181, 128:129] = square
        return tcn(torch.cat([features[:, :4], encoder(picture)[:, None], features[:, 5:]], dim=1))

    assert torch.autograd.gradcheck(code, (patch.requires_grad_(),))


def test_two_draws_with_one_seed_agree() -> None:
    first, second, other = (motion_encoder(seeded(seed)) for seed in (0, 0, 1))
    for a, b in zip(first.parameters(), second.parameters(), strict=True):
        assert torch.equal(a, b)
    assert not torch.equal(first.net.outer.weight, other.net.outer.weight)
