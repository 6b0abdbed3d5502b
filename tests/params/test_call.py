"""The settings of a call from Python, by method."""

from __future__ import annotations

import pytest

from vital.errors import ParamsError
from vital.params.base import check_block
from vital.params.call import VisualizeCall, check_settings
from vital.params.peers import PEERS

DEFAULTS = {
    "fourier": {"parametrization": "fourier", "steps": 500, "lr": 0.05},
    "pixels": {"parametrization": "pixels", "steps": 400, "lr": 0.2},
}


def settings(method: str = "vital", with_inner: bool = False, **params: object) -> object:
    return check_settings(params, DEFAULTS, method, with_inner)


def test_the_studied_method_has_the_defaults_of_its_parametrization() -> None:
    assert settings().visualize.steps == 500
    assert settings(parametrization="pixels").visualize.lr == 0.2
    assert settings(parametrization="pixels", lr=0.5).visualize.lr == 0.5


@pytest.mark.parametrize("method", PEERS)
def test_a_peer_has_its_own_settings_and_those_of_the_work(method: str) -> None:
    found = settings(method, steps=7, batch=3, redirected=2)
    assert found.peers.steps(method, 500) == 7
    assert found.visualize.batch == 3
    assert found.peers.redirected == 2
    assert {name: found.peers.steps(name, 500) for name in PEERS if name != method} == {
        name: settings().peers.steps(name, 500) for name in PEERS if name != method
    }


def test_a_peer_spends_what_the_studied_method_does_unless_told() -> None:
    assert settings("maco").peers.steps("maco", settings("maco").visualize.steps) == 500 // 6
    published = settings("maco", budget="published")
    assert published.peers.steps("maco", published.visualize.steps) == 1000


@pytest.mark.parametrize(
    ("method", "params", "expected"),
    [
        ("maco", {"crop": 3}, "params: maco takes no 'crop'; did you mean 'crops'"),
        ("maco", {"weighting": "plain"}, "params: maco takes no 'weighting'"),
        ("maco", {"maco": {}}, "params: maco takes no 'maco'"),
        ("fourier", {"crops": 3}, "params: fourier takes no 'crops'"),
        ("maco", {"crops": 0}, r"peers\.maco\.crops: 0 cannot be used"),
        ("maco", {"batch": 0}, r"visualize\.batch: 0 cannot be used"),
        ("maco", {"units": [1]}, "params: 'units' has no effect: give the keyword units"),
        ("maco", {"ray": {"workers": 3}}, "params: 'ray' has no effect without engine: ray"),
        ("vital", {"ray": {"workers": 3}}, "params: 'ray' has no effect without engine: ray"),
        ("vital", {"inner": {"steps": 3}}, "params: 'inner' has no effect: the units are classes"),
        ("vital", {"crops": 3}, r"unknown parameter visualize\.crops"),
        ("vital", 3, "params: 3 cannot be used"),
    ],
)
def test_what_has_no_effect_is_refused(method: str, params: object, expected: str) -> None:
    with pytest.raises(ParamsError, match=expected):
        check_settings(params, DEFAULTS, method, False)


def test_channels_have_settings_of_their_own() -> None:
    assert settings(with_inner=True, inner={"steps": 3}).visualize.for_inner().steps == 3
    inner = {"parametrization": "pixels", "fourier": {"exponent": 0.5}}
    with pytest.raises(ParamsError, match=r"'inner\.fourier' has no effect: images of inner units"):
        settings(with_inner=True, inner=inner)


def test_a_method_that_is_not_there_is_answered_with_the_nearest() -> None:
    with pytest.raises(ParamsError, match="method 'mako' is not known; did you mean 'maco'"):
        check_block({"method": "mako"}, "", VisualizeCall)
