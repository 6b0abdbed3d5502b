"""The rows of classes as a reader uses them: filter, sort, walk, enlarge."""

from __future__ import annotations

import pytest

from helpers.browsed_report import CLASSES, METHODS

playwright = pytest.importorskip("playwright.sync_api")

TILES_PER_ROW = 4 + 2 * len(METHODS)


def shown_names(page: playwright.Page) -> list[str]:
    return page.locator(".row:visible h3").all_text_contents()


def focused(page: playwright.Page) -> str:
    alt = page.evaluate("document.activeElement.querySelector('img')?.alt ?? ''")
    return str(alt).partition(", 98")[0]


def test_a_row_has_photographs_and_a_cell_for_every_method(page: playwright.Page) -> None:
    assert page.locator(".heads [role=columnheader]").all_inner_texts() == [
        "class", "photographs", *METHODS,
    ]  # fmt: skip
    assert shown_names(page) == list(CLASSES)
    assert page.locator(".row").first.locator(".tile").count() == TILES_PER_ROW


def test_filter_leaves_the_rows_whose_name_matches(page: playwright.Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("CAFE")
    page.keyboard.press("Enter")
    assert shown_names(page) == [CLASSES[1]]
    assert page.get_by_text(f"1 of {len(CLASSES)} classes").is_visible()
    page.keyboard.type(" with no such name")
    assert shown_names(page) == []
    page.keyboard.press("Escape")
    assert shown_names(page) == list(CLASSES)


def test_rows_can_be_those_in_which_another_class_was_seen(page: playwright.Page) -> None:
    misread = page.get_by_label("Seen as another class")
    misread.select_option("maco")
    assert shown_names(page) == list(CLASSES[1:5])
    misread.select_option("by any method")
    assert shown_names(page) == list(CLASSES[1:5])
    page.get_by_label("Filter by class name").fill("plain 2")
    assert shown_names(page) == ["plain 2"]
    misread.select_option("vital")
    assert shown_names(page) == []


def test_rows_are_sorted_by_name_and_by_what_a_method_got(page: playwright.Page) -> None:
    choice = page.locator("#sorted-by")
    choice.select_option("name")
    names = shown_names(page)
    assert names[:3] == [CLASSES[2], CLASSES[0], CLASSES[1]]
    assert names[3:] == [f"plain {i}" for i in range(2, 14)]
    group = page.locator("#sorted-by optgroup[label=maco] option", has_text="Centroid distance")
    choice.select_option(group.get_attribute("value"))
    assert shown_names(page) == list(CLASSES)
    page.get_by_role("button", name="Largest first").click()
    assert shown_names(page) == list(CLASSES[::-1])
    choice.select_option("class number")
    assert shown_names(page) == list(CLASSES[::-1])


def test_a_column_is_sorted_by_its_head(page: playwright.Page) -> None:
    head = page.locator("[role=columnheader]", has_text="class")
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "ascending"
    assert shown_names(page)[0] == CLASSES[2]
    head.get_by_role("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert shown_names(page)[-1] == CLASSES[2]
    assert page.locator("[role=columnheader]", has_text="maco").get_attribute("aria-sort") == "none"


def test_arrow_keys_walk_between_cells_and_enter_enlarges(page: playwright.Page) -> None:
    tiles = page.locator(".row .tile")
    tiles.first.focus()
    page.keyboard.press("ArrowLeft")
    assert focused(page) == "brick wall: photograph 1"
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    assert focused(page) == "brick wall: vital, seed 0"
    page.keyboard.press("ArrowDown")
    assert focused(page) == f"{CLASSES[1]}: vital, seed 0"
    page.keyboard.press("End")
    assert focused(page).startswith(f"{CLASSES[1]}: maco, seed 1")
    page.keyboard.press("Enter")
    viewer = page.locator("dialog")
    assert viewer.is_visible()
    assert f"2 / {len(CLASSES)} classes" in viewer.inner_text()
    page.keyboard.press("ArrowUp")
    assert "brick wall: maco, seed 1" in viewer.inner_text()
    page.keyboard.press("Escape")
    assert not viewer.is_visible()
    assert focused(page) == "brick wall: maco, seed 1"


def test_walking_leaves_out_filtered_rows_and_follows_the_order(page: playwright.Page) -> None:
    page.get_by_label("Seen as another class").select_option("maco")
    page.locator("#sorted-by").select_option("name")
    page.get_by_role("button", name="Largest first").click()
    page.locator(".row:visible .tile").first.focus()
    assert focused(page) == "plain 3: photograph 1"
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    assert focused(page) == f"{CLASSES[1]}: photograph 1"


def test_the_tab_key_stops_at_one_tile_of_the_rows(page: playwright.Page) -> None:
    assert page.locator('.row .tile[tabindex="0"]').count() == 1
    page.locator(".row .tile").nth(5).click()
    page.keyboard.press("Escape")
    assert page.locator('.row .tile[tabindex="0"]').count() == 1


def test_the_mouse_enlarges_what_it_points_at(page: playwright.Page) -> None:
    tile = page.locator(".row .tile").nth(5)
    preview = page.locator("#preview")
    tile.hover()
    preview.wait_for(state="visible")
    assert preview.locator("img").evaluate("(image) => image.src") == tile.evaluate("(a) => a.href")
    assert "brick wall: vital, seed 1" in preview.inner_text()
    page.locator("h1").hover()
    preview.wait_for(state="hidden")


def test_the_other_class_is_named_and_marked(page: playwright.Page) -> None:
    cell = page.locator(".row").nth(1).locator('[data-method="maco"]')
    assert "0/2" in cell.inner_text() and "read as brick wall" in cell.inner_text()
    assert cell.locator(".misread").count() == 2
    assert page.locator('[data-method="vital"] .misread').count() == 0


def test_rows_far_below_get_their_pictures_when_they_are_reached(page: playwright.Page) -> None:
    last = page.locator(".row").last
    assert last.locator("img[src]").count() == 0
    last.scroll_into_view_if_needed()
    page.wait_for_function(
        "[...document.querySelector('.row:last-of-type').querySelectorAll('img')]"
        ".every((image) => image.naturalWidth > 0)"
    )


def test_print_has_every_picture_and_no_controls(page: playwright.Page) -> None:
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.locator(".row img:not([src])").count() == 0
    assert not page.locator("#classes .toolbar").is_visible()
    assert not page.locator("#map .plot").is_visible()
    assert (
        page.locator(".row").last.evaluate("(row) => getComputedStyle(row).contentVisibility")
        == "visible"
    )
