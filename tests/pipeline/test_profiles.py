"""Profiles: composed, shown and written without losing what the user wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from ruamel.yaml import YAML
from typer.testing import CliRunner

from helpers.repository import ROOT
from vital.cli import app
from vital.errors import ParamsError
from vital.networks.carried import is_carried
from vital.params.methods import METHODS
from vital.pipeline.profiles import compose_profile, list_profiles, use_profile

PROFILES = ROOT / "profiles"
PAPER = ("resnet50", "densenet121", "convnext_base", "vit_l_16", "vit_l_32")
VARIANTS = ("quick", "multires", "long")


def values(text: str) -> dict[str, dict[str, object]]:
    loaded: dict[str, dict[str, object]] = YAML(typ="safe").load(text)
    return loaded


@pytest.mark.parametrize("name", sorted(path.stem for path in PROFILES.glob("*.yaml")))
def test_every_profile_is_valid_and_says_what_it_is(name: str) -> None:
    assert compose_profile(PROFILES, name).startswith("# ")
    assert list_profiles(PROFILES)[name]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", PAPER)
def test_every_variant_fits_the_papers_networks(name: str, variant: str) -> None:
    changed = values(compose_profile(PROFILES, f"{name}+{variant}"))
    plain = values(compose_profile(PROFILES, name))
    assert changed["visualize"]["steps"] != plain["visualize"]["steps"]
    assert changed["model"] == plain["model"]
    assert changed["visualize"]["tap_weights"] == plain["visualize"]["tap_weights"]


@pytest.mark.parametrize(
    ("name", "weights", "prior"),
    [
        ("resnet50", [1, 1, 1, 1, 1], 0),
        ("densenet121", [1, 1, 1, 1, 100], 0),
        ("convnext_base", [10, 1, 1, 1, 1], 0),
        ("vit_l_16", [1, 1, 1, 1, 1], 3e-3),
        ("vit_l_32", [1, 1, 1, 1, 0.1], 3e-4),
    ],
)
def test_the_papers_settings(name: str, weights: list[float], prior: float) -> None:
    """Section 3 of the paper, and its table of weights and priors."""
    content = values(compose_profile(PROFILES, name))
    visualize = content["visualize"]
    assert list(visualize["tap_weights"].values()) == weights  # type: ignore[attr-defined]
    assert list(visualize["tap_weights"]) == content["extract"]["taps"]  # type: ignore[call-overload]
    assert (visualize["tv"], visualize["l2"]) == (prior, prior)
    assert (visualize["steps"], visualize["lr"], visualize["jitter"]) == (2000, 1.0, 30)
    assert visualize["betas"] == [0.5, 0.9]
    assert content["extract"]["references"] == 50
    assert visualize["seeds"] == 3


@pytest.mark.parametrize("budget", ["equal", "published"])
@pytest.mark.parametrize("name", ["photographs", *PAPER])
def test_budgets_of_peers_are_variants(name: str, budget: str) -> None:
    changed = values(compose_profile(PROFILES, f"{name}+{budget}"))
    plain = values(compose_profile(PROFILES, name))
    assert changed.pop("peers") == {**plain.pop("peers"), "budget": budget}
    assert changed == plain


def test_a_real_network_and_photographs_need_no_hub() -> None:
    """Its own, which packages carry; other judges and another network are variants."""
    plain = values(compose_profile(PROFILES, "imagenette"))
    networks = [plain["model"], *plain["judges"]]
    assert all(is_carried(one["name"]) and one["pretrained"] for one in networks)  # type: ignore[arg-type,index]
    changed = values(compose_profile(PROFILES, "imagenette+judge_mobilenetv2"))
    assert changed.pop("judges")[: len(plain["judges"])] == plain["judges"]  # type: ignore[index]
    assert changed == {key: plain[key] for key in plain if key != "judges"}
    of_a_hub = values(compose_profile(PROFILES, "imagenette+resnet50"))
    assert of_a_hub.pop("model")["name"] == "torchvision/resnet50"
    assert of_a_hub == {key: plain[key] for key in plain if key != "model"}


def test_methods_are_compared_whatever_the_profile() -> None:
    for name in ("imagenette", "photographs"):
        assert values(compose_profile(PROFILES, f"{name}+compare"))["methods"] == list(METHODS)


def test_the_default_is_a_profile() -> None:
    default = (ROOT / "params.yaml").read_text(encoding="utf-8")
    assert (PROFILES / "photographs.yaml").read_text(encoding="utf-8") == default


def test_comments_survive_composition() -> None:
    assert "# 100 of 2000 steps" in compose_profile(PROFILES, "resnet50+multires")


def test_variants_are_laid_over_one_another_in_order() -> None:
    content = values(compose_profile(PROFILES, "resnet50+long+quick"))
    assert content["visualize"]["steps"] == 300
    assert content["visualize"]["betas"] == [0.9, 0.999]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet5", "did you mean 'resnet50'"),
        ("resnet50+quik", "did you mean 'quick'"),
        ("../params", "there is no profile '../params'"),
    ],
)
def test_unknown_names_are_explained(name: str, expected: str) -> None:
    with pytest.raises(ParamsError, match=expected):
        compose_profile(PROFILES, name)


def test_own_values_are_not_overwritten_unasked(tmp_path: Path) -> None:
    params = tmp_path / "params.yaml"
    use_profile(PROFILES, "resnet50+quick", params, overwrite=False)
    use_profile(PROFILES, "vit_l_16", params, overwrite=False)
    assert values(params.read_text())["model"]["name"] == "torchvision/vit_l_16"
    params.write_text(params.read_text().replace("seeds: 3", "seeds: 4"))
    with pytest.raises(ParamsError, match="values of your own"):
        use_profile(PROFILES, "resnet50", params, overwrite=False)
    assert values(params.read_text())["visualize"]["seeds"] == 4
    use_profile(PROFILES, "resnet50", params, overwrite=True)
    assert values(params.read_text())["model"]["name"] == "torchvision/resnet50"


def test_the_command_line_lists_shows_and_uses(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "profiles").symlink_to(PROFILES)
    monkeypatch.chdir(tmp_path)
    run = CliRunner().invoke
    assert {*PAPER, *(f"+{name}" for name in VARIANTS)} <= {
        line.split()[0] for line in run(app, ["profile", "list"]).stdout.splitlines()
    }
    shown = run(app, ["profile", "show", "densenet121+quick"]).stdout
    assert run(app, ["profile", "use", "densenet121+quick"]).exit_code == 0
    assert (tmp_path / "params.yaml").read_text(encoding="utf-8") == shown
