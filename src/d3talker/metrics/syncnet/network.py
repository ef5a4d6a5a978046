"""SyncNet: a tower that hears a fifth of a second and a tower that sees five pictures of it (spec 2, section 5)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from d3talker.assets.state import read_state, require_architecture
from d3talker.assets.weights import SYNCNET, find_weights

PICTURES = 5
"""Pictures that the lip tower sees at a time, 25 a second."""
STEPS = 20
"""Steps of cepstra that the sound tower hears at a time, 100 a second."""
SIDE = 224
"""Pixels of a side of the pictures."""


class SyncNet(nn.Module):
    """Both towers, with the published names and shapes of ``syncnet_v2.model``: 13,631,616 parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.netcnnaud = nn.Sequential(
            *_layer(nn.Conv2d(1, 64, 3, padding=1)),
            nn.MaxPool2d(1),  # does nothing, counts in the names
            *_layer(nn.Conv2d(64, 192, 3, padding=1)),
            nn.MaxPool2d(3, (1, 2)),
            *_layer(nn.Conv2d(192, 384, 3, padding=1)),
            *_layer(nn.Conv2d(384, 256, 3, padding=1)),
            *_layer(nn.Conv2d(256, 256, 3, padding=1)),
            nn.MaxPool2d(3, 2),
            *_layer(nn.Conv2d(256, 512, (5, 4))),
        )
        self.netcnnlip = nn.Sequential(
            *_layer(nn.Conv3d(3, 96, (5, 7, 7), (1, 2, 2))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer(nn.Conv3d(96, 256, (1, 5, 5), (1, 2, 2), (0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            *_layer(nn.Conv3d(256, 256, (1, 3, 3), padding=(0, 1, 1))),
            nn.MaxPool3d((1, 3, 3), (1, 2, 2)),
            *_layer(nn.Conv3d(256, 512, (1, 6, 6))),
        )
        self.netfcaud, self.netfclip = (
            nn.Sequential(nn.Linear(512, 512), nn.BatchNorm1d(512), nn.ReLU(), nn.Linear(512, 1024)) for _ in range(2)
        )

    def hear(self, steps: Tensor) -> Tensor:
        """Vectors (B, 1024) of cepstra (B, 1, 13, 20)."""
        return self.netfcaud(self.netcnnaud(steps).flatten(1))

    def see(self, pictures: Tensor) -> Tensor:
        """Vectors (B, 1024) of pictures (B, 3, 5, 224, 224), blue green red, 0 to 255."""
        return self.netfclip(self.netcnnlip(pictures).flatten(1))


def load_syncnet(device: torch.device) -> SyncNet:
    """SyncNet with its published weights, ready to use.

    Raises:
        D3Error: the file is missing (the line says where to get it), or it is another one.
    """
    path, fix = find_weights(SYNCNET), f"Get {SYNCNET.file} from {SYNCNET.address}."
    net, stored = SyncNet(), read_state(path, fix)
    wanted = net.state_dict()
    require_architecture(stored, wanted, path, fix)
    net.load_state_dict(wanted | stored)
    return net.eval().requires_grad_(False).to(device)


def _layer(convolution: nn.Conv2d | nn.Conv3d) -> tuple[nn.Module, ...]:
    normalise = nn.BatchNorm2d if isinstance(convolution, nn.Conv2d) else nn.BatchNorm3d
    return convolution, normalise(convolution.out_channels), nn.ReLU()
