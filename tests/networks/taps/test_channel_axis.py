"""Which axes are channels, by module, by shape, and by what the network says."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from vital.networks.taps.channel_axis import channels_first, positions_last

ANY = nn.Identity()
sides = st.integers(2, 12)


@given(channels=st.integers(1, 40), height=sides, width=sides, scale=st.integers(1, 8))
def test_maps_of_either_layout_are_told_apart(
    channels: int, height: int, width: int, scale: int
) -> None:
    size = (height * scale, width * scale)
    first = torch.arange(2 * channels * height * width).view(2, channels, height, width)
    last = first.movedim(1, -1)
    ambiguous = abs(channels * size[1] - height * size[0]) < max(size) or (
        abs(width * size[1] - channels * size[0]) < max(size)
    )
    for declared in ("NCHW", "NHWC"):
        if not ambiguous:
            assert torch.equal(channels_first(first, ANY, size, declared), first)
            assert torch.equal(channels_first(last, ANY, size, declared), first)
    assert torch.equal(channels_first(first, nn.Conv2d(1, 1, 1), size, "NHWC"), first)


def test_where_both_readings_fit_the_networks_word_counts() -> None:
    cube = torch.randn(1, 7, 7, 7)
    assert torch.equal(channels_first(cube, ANY, (28, 28), "NCHW"), cube)
    assert torch.equal(channels_first(cube, ANY, (28, 28), "NHWC"), cube.movedim(-1, 1))
    assert torch.equal(channels_first(cube, nn.BatchNorm2d(7), (28, 28), "NHWC"), cube)


def test_a_network_is_corrected_where_the_shape_says_otherwise() -> None:
    maps = torch.randn(1, 96, 7, 7)
    assert torch.equal(channels_first(maps, ANY, (224, 224), "NHWC"), maps)
    assert torch.equal(channels_first(maps.movedim(1, -1), ANY, (224, 224), "NCHW"), maps)


def test_tokens_sequences_and_vectors() -> None:
    tokens = torch.randn(2, 5, 3)
    assert torch.equal(channels_first(tokens, ANY, (8, 8), "NCHW"), tokens.transpose(1, 2))
    assert torch.equal(channels_first(tokens, nn.Conv1d(1, 1, 1), (8, 8), "NCHW"), tokens)
    assert channels_first(tokens[:, 0], ANY, (8, 8), "NCHW").shape == (2, 3, 1)


@pytest.mark.parametrize("shape", [(), (2,), (1, 2, 3, 4, 5)])
def test_other_dimensions_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=f"{len(shape)} dimensions; 2 to 4 work"):
        channels_first(torch.zeros(shape), ANY, (8, 8), "NCHW")


@pytest.mark.parametrize("declared", ["a convolution's", "a network's own"])
def test_maps_that_lie_channels_last_are_read_and_followed_as_any(declared: str) -> None:
    """Their positions are brought side by side; the gradient lies as the maps do."""
    images, weights = torch.zeros(2, 3, 16, 16), torch.randn(2, 5, 48)
    maps = torch.randn(2, 5, 8, 6).contiguous(memory_format=torch.channels_last).requires_grad_()
    given = maps if declared == "a convolution's" else maps.movedim(1, -1)
    module = nn.Conv2d(1, 1, 1) if declared == "a convolution's" else ANY
    network = nn.Sequential()
    network.output_fmt = "NHWC"
    read = positions_last(network, module, given, torch.zeros(2, 3, 64, 48), "tap")
    assert read.is_contiguous()
    assert torch.equal(read, maps.flatten(2))
    (gradient,) = torch.autograd.grad((read * weights).sum(), maps)
    assert torch.equal(gradient.flatten(2), weights)
    assert gradient.is_contiguous(memory_format=torch.channels_last)
    plain = positions_last(network, nn.Conv2d(1, 1, 1), maps.contiguous(), images, "tap")
    assert torch.equal(plain, read)
