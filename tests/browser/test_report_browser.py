from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from report_artefacts import MASKED, write_artefacts, write_inner_units

from vital.params.report import ReportParams
from vital.report import build_report

CHROMIUM = Path("/usr/bin/chromium")
CLASSES = ("brick wall", "Café <b>crème</b>", "a-rather-long-name-without-a-single-space-" * 3)
PICTURES_PER_CARD = 4 + 2
UNITS = (("layer1", 3), ("<b>layer2</b>." + "with.many.parts." * 4 + "conv", 17), ("layer1", 9))
PICTURES_PER_UNIT = 4 + MASKED + 2

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(
    not CHROMIUM.exists(), reason=f"{CHROMIUM} is missing: install Debian's chromium"
)


@pytest.fixture(scope="module")
def page_url(tmp_path_factory: pytest.TempPathFactory) -> str:
    project = write_artefacts(tmp_path_factory.mktemp("project"), CLASSES)
    write_inner_units(project, UNITS, CLASSES[1:2])
    build_report(project, ReportParams())
    return (project.report / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser() -> Iterator[playwright.Browser]:
    with playwright.sync_playwright() as started:
        opened = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser: playwright.Browser, page_url: str) -> Iterator[playwright.Page]:
    """The page, watched: it must log no error and ask for nothing outside its folder."""
    opened = browser.new_page()
    problems: list[str] = []
    requests: list[str] = []
    opened.on("console", lambda message: problems.append(message.text))
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("requestfailed", lambda request: problems.append(request.url))
    opened.on("request", lambda request: requests.append(request.url))
    opened.goto(page_url)
    yield opened
    opened.close()
    folder = page_url.rpartition("/")[0]
    assert problems == []
    assert [url for url in requests if not url.startswith((folder, "data:"))] == []


def test_every_picture_can_be_seen(page: playwright.Page) -> None:
    page.evaluate("document.querySelectorAll('img').forEach((image) => image.loading = 'eager')")
    page.wait_for_function(
        "[...document.querySelectorAll('main img')].every((image) => image.naturalWidth > 0)"
    )


def test_filter_leaves_the_cards_whose_name_matches(page: playwright.Page) -> None:
    filter_box = page.get_by_label("Filter by class name")
    cards = page.locator("#gallery .card:visible")
    assert cards.count() == len(CLASSES)
    filter_box.fill("CAFE")
    assert cards.count() == 1
    assert page.get_by_text("1 of 3 classes").is_visible()
    assert page.locator("#units .card:visible").count() == len(UNITS)
    filter_box.fill("nothing has this name")
    assert cards.count() == 0
    filter_box.fill("")
    assert cards.count() == len(CLASSES)


def test_pictures_are_enlarged_and_walked_through_by_keyboard(page: playwright.Page) -> None:
    viewer = page.locator("dialog")
    tiles = page.locator(".tile")
    tiles.first.focus()
    page.keyboard.press("Enter")
    assert viewer.is_visible()
    assert f"1 / {len(CLASSES) * PICTURES_PER_CARD}" in viewer.inner_text()
    page.keyboard.press("ArrowLeft")
    assert CLASSES[-1] in viewer.inner_text()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert viewer.locator("img").get_attribute("alt") == "Photograph 2 of the class brick wall"
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    assert tiles.nth(1).evaluate("(tile) => tile === document.activeElement")


def test_walking_stays_within_the_filter(page: playwright.Page) -> None:
    page.get_by_label("Filter by class name").fill("brick")
    page.locator(".tile:visible").first.click()
    assert f"1 / {PICTURES_PER_CARD}" in page.locator("dialog").inner_text()
    page.get_by_label("Close").click()
    assert not page.locator("dialog").is_visible()


def test_inner_units_have_a_filter_of_their_own(page: playwright.Page) -> None:
    cards = page.locator("#units .card:visible")
    assert cards.count() == len(UNITS)
    page.get_by_label("Filter by unit or class").fill("LAYER1")
    assert cards.count() == 2
    assert page.get_by_text("2 of 3 units").is_visible()
    assert page.locator("#gallery .card:visible").count() == len(CLASSES)


def test_one_choice_shows_visualizations_whole(page: playwright.Page) -> None:
    transparent = page.locator("#units .transparent:visible")
    whole = page.locator("#units .whole:visible")
    assert (transparent.count(), whole.count()) == (2 * len(UNITS), 0)
    assert "gradient" in transparent.first.evaluate("(tile) => getComputedStyle(tile).background")
    page.get_by_label("whole").check()
    assert (transparent.count(), whole.count()) == (0, 2 * len(UNITS))
    page.get_by_label("transparent", exact=True).check()
    assert (transparent.count(), whole.count()) == (2 * len(UNITS), 0)


def test_walking_through_units_meets_what_is_shown_alone(page: playwright.Page) -> None:
    viewer = page.locator("dialog")
    page.locator("#units .tile:visible").first.click()
    assert f"1 / {PICTURES_PER_UNIT * len(UNITS)}" in viewer.inner_text()
    assert "layer1/3: visualization, seed 0" in viewer.inner_text()
    large = viewer.locator("img")
    assert "gradient" in large.evaluate("(image) => getComputedStyle(image).background")
    page.keyboard.press("ArrowRight")
    assert "seed 1" in viewer.inner_text()
    page.keyboard.press("ArrowRight")
    assert "layer1/3: part of train/000/0000.png, activation 9" in viewer.inner_text()
    assert "gradient" not in large.evaluate("(image) => getComputedStyle(image).background")


def test_a_circuit_leads_to_the_cards_of_its_units(page: playwright.Page) -> None:
    figure = page.locator("#circuits .figure").first
    alt = figure.locator("img").get_attribute("alt")
    assert alt is not None and CLASSES[1] in alt and "layer1/3 with 25.0" in alt
    links = figure.locator(".members a")
    assert links.all_inner_texts() == [f"{tap}/{channel}" for tap, channel in UNITS]
    links.last.click()
    assert page.url.endswith("#unit-3")
    assert page.locator(":target h3").inner_text() == "layer1/9"


def test_a_phone_never_scrolls_sideways(page: playwright.Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator(".tile").first.click()
    assert page.locator("dialog").evaluate("(dialog) => dialog.scrollWidth") <= 360


def test_the_figures_follow_the_reader(page: playwright.Page) -> None:
    figure = page.locator("#map .figure img")
    page.set_viewport_size({"width": 1280, "height": 800})
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(
        "document.querySelector('#map .figure img').currentSrc.endsWith('wide-dark.svg')"
    )
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="light")
    page.wait_for_function(
        "document.querySelector('#map .figure img').currentSrc.endsWith('narrow-light.svg')"
    )
    assert figure.get_attribute("alt")


def test_the_page_works_without_its_script(browser: playwright.Browser, page_url: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(page_url)
    assert page.locator("#gallery .card").count() == len(CLASSES)
    assert not page.get_by_label("Filter by class name").is_visible()
    page.get_by_label("whole").check()
    assert page.locator("#units .transparent:visible").count() == 0
    page.locator(".tile").first.click()
    assert page.url.endswith("images/photograph-00001.png")
