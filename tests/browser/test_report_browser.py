"""The rest of the report in a real browser: inner units, circuits, the map, small screens."""

from __future__ import annotations

import pytest

from helpers.browsed_report import CLASSES, METHODS, UNITS
from helpers.report_artefacts import MASKED

playwright = pytest.importorskip("playwright.sync_api")

PICTURES_PER_UNIT = 4 + MASKED + 2 * 2


def test_every_picture_can_be_seen(page: playwright.Page) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.evaluate("document.querySelectorAll('img').forEach((image) => image.loading = 'eager')")
    page.wait_for_function(
        "[...document.querySelectorAll('main img')].every((image) => image.naturalWidth > 0)"
    )


def test_inner_units_have_a_filter_of_their_own(page: playwright.Page) -> None:
    cards = page.locator("#units .card:visible")
    assert cards.count() == len(UNITS)
    page.get_by_label("Filter by unit or class").fill("LAYER1")
    page.keyboard.press("Enter")
    assert cards.count() == 2
    assert page.get_by_text("2 of 3 units").is_visible()
    assert page.locator(".row:visible").count() == len(CLASSES)


def test_one_choice_shows_visualizations_whole(page: playwright.Page) -> None:
    transparent = page.locator("#units .transparent:visible")
    whole = page.locator("#units .whole:visible")
    assert (transparent.count(), whole.count()) == (4 * len(UNITS), 0)
    assert "gradient" in transparent.first.evaluate("(tile) => getComputedStyle(tile).background")
    page.get_by_label("whole").check()
    assert (transparent.count(), whole.count()) == (0, 4 * len(UNITS))
    page.get_by_label("transparent", exact=True).check()
    assert (transparent.count(), whole.count()) == (4 * len(UNITS), 0)


def test_walking_through_units_meets_what_is_shown_alone(page: playwright.Page) -> None:
    viewer = page.locator("dialog")
    page.locator("#units .tile:visible").first.click()
    assert f"1 / {len(UNITS)} units" in viewer.inner_text()
    assert "layer1/3: vital, seed 0" in viewer.inner_text()
    large = viewer.locator("img")
    assert "gradient" in large.evaluate("(image) => getComputedStyle(image).background")
    for words in ("vital, seed 1", "activation, seed 0", "activation, seed 1"):
        page.keyboard.press("ArrowRight")
        assert words in viewer.inner_text()
    page.keyboard.press("ArrowRight")
    assert "layer1/3: part of train/000/0000.png, activation 9" in viewer.inner_text()
    assert "gradient" not in large.evaluate("(image) => getComputedStyle(image).background")
    for _ in range(PICTURES_PER_UNIT - 4):
        viewer.get_by_label("Next picture").click()
    assert f"2 / {len(UNITS)} units" in viewer.inner_text()


def test_a_circuit_leads_to_the_cards_of_its_units(page: playwright.Page) -> None:
    figure = page.locator("#circuits .figure").first
    alt = figure.locator("img").get_attribute("alt")
    assert alt is not None and CLASSES[1] in alt and "layer1/3 with 25.0" in alt
    links = figure.locator(".members a")
    assert links.all_inner_texts() == [f"{tap}/{channel}" for tap, channel in UNITS]
    links.last.click()
    assert page.url.endswith("#unit-3")
    assert page.locator(":target h3").inner_text() == "layer1/9"


# The map


SWEEP = """(step) => {
  const canvas = document.querySelector("canvas.all");
  const box = canvas.getBoundingClientRect();
  const found = {};
  for (let y = 0; y < box.height; y += step)
    for (let x = 0; x < box.width; x += step) {
      const place = {clientX: box.left + x, clientY: box.top + y};
      canvas.dispatchEvent(new PointerEvent("pointermove", place));
      const words = document.querySelector("#map [role=status]").textContent;
      if (words) found[words] = [x, y];
    }
  return found;
}"""
"""Points at places of the map in turn; where each of the words was that it said."""


def drawn_map(page: playwright.Page) -> playwright.Locator:
    canvas = page.locator("canvas.all")
    canvas.scroll_into_view_if_needed()
    page.wait_for_function("document.querySelector('.kinds label') !== null")
    return canvas


def test_the_map_shows_the_picture_that_is_pointed_at(page: playwright.Page) -> None:
    canvas = drawn_map(page)
    found = page.evaluate(SWEEP, 8)
    kinds = {words.rpartition(": ")[2] for words in found}
    assert kinds == {"photograph", *METHODS}
    assert {words.rpartition(": ")[0] for words in found} == set(CLASSES)
    words, (x, y) = next(item for item in found.items() if item[0].endswith(": maco"))
    canvas.hover(position={"x": x, "y": y})
    assert page.locator("#preview").is_visible()
    assert page.locator("#preview p").inner_text() == words
    page.wait_for_function("document.querySelector('#preview img').naturalWidth > 0")


def test_a_method_can_be_taken_off_the_map(page: playwright.Page) -> None:
    drawn_map(page)
    page.locator("#map .kinds label", has_text="maco").locator("input").uncheck()
    kinds = {words.rpartition(": ")[2] for words in page.evaluate(SWEEP, 8)}
    assert kinds == {"photograph", *METHODS} - {"maco"}


def test_the_map_is_walked_by_keyboard_and_leads_to_the_class(page: playwright.Page) -> None:
    drawn_map(page).focus()
    page.keyboard.press("ArrowRight")
    first = page.locator("#map [role=status]").inner_text()
    assert first.partition(":")[0] in CLASSES
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("ArrowUp")
    name = page.locator("#map [role=status]").inner_text().partition(":")[0]
    page.keyboard.press("Enter")
    assert page.locator(".row:target h3").inner_text() == name
    assert page.locator("#preview").is_hidden()


# Screens, schemes, no script


def test_a_phone_never_scrolls_sideways(page: playwright.Page) -> None:
    page.set_viewport_size({"width": 360, "height": 740})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    page.locator(".tile").first.click()
    assert page.locator("dialog").evaluate("(dialog) => dialog.scrollWidth") <= 360


def test_the_figures_follow_the_reader(page: playwright.Page) -> None:
    source = "document.querySelector('#losses .figure img').currentSrc"
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"{source}.endsWith('wide-dark.svg')")
    page.set_viewport_size({"width": 360, "height": 740})
    page.emulate_media(color_scheme="light")
    page.wait_for_function(f"{source}.endsWith('narrow-light.svg')")


def test_the_page_works_without_its_script(browser: playwright.Browser, page_url: str) -> None:
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto(page_url)
    assert page.locator(".row").count() == len(CLASSES)
    assert not page.get_by_label("Filter by class name").is_visible()
    assert page.locator("#map .still img").is_visible()
    page.get_by_label("whole").check()
    assert page.locator("#units .transparent:visible").count() == 0
    page.locator(".tile").first.click()
    assert page.url.endswith("images/photograph-00001.png")
