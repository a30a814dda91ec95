"""report.html in a real browser, as a reader uses it."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.page import inlay, write_page
from benchmarks.report.figures.catalogue import drawn


@pytest.fixture(scope="module")
def path(
    make_results: Callable[..., Results],
    records: Callable[[Results], list[dict[str, object]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    directory = tmp_path_factory.mktemp("page")
    learners = ["mean", "reml", "maml", "scratch", "fine_tuning"]
    results = make_results(learners, tasks=20, failed=[("mean", 1)], diagnostics=True)
    inlays = [inlay(*it) for it in drawn(results)]
    return write_page(results, records(results), inlays, directory)


@pytest.fixture
def page(browser: Any, path: Path) -> Iterator[Any]:
    """The page, just opened; whatever it asked for or complained of fails the test."""
    page = browser.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto(path.as_uri())
    yield page
    page.evaluate("localStorage.clear()")
    page.close()
    assert {url for url in asked if not url.startswith("data:")} == {path.as_uri()}
    assert complaints == []


def column(table: Any, place: int) -> list[str]:
    return table.locator(f"tbody tr > :nth-child({place}) .v").all_inner_texts()


def numbers(texts: list[str]) -> list[float]:
    texts = [text.removeprefix("⚠ ") for text in texts]
    return [float(text) for text in texts if text[0].isdigit()]


def test_it_shows_title_tables_and_figures(page: Any) -> None:
    assert page.title() == "synthetic: REML report"
    assert page.locator("h1").inner_text() == "synthetic"
    assert page.locator("table").count() > 5
    drawings = page.locator("figure svg")
    assert drawings.count() > 4
    for box in (drawings.nth(i).bounding_box() for i in range(drawings.count())):
        assert box["width"] > 300
        assert box["height"] > 150
    assert page.locator("figure svg text").first.is_visible()
    assert page.get_by_role("img").count() == drawings.count()
    assert "Diverged" in page.locator(".reason").inner_text()


def test_a_click_on_a_head_sorts_by_number_and_so_does_the_keyboard(page: Any) -> None:
    table = page.locator("#tables table").first
    head = table.locator("thead th").nth(1)
    button = head.get_by_role("button")
    button.click()
    assert head.get_attribute("aria-sort") == "ascending"
    values = numbers(column(table, 2))
    assert len(values) == 5
    assert values == sorted(values)
    button.focus()
    page.keyboard.press("Enter")
    assert head.get_attribute("aria-sort") == "descending"
    assert numbers(column(table, 2)) == sorted(values, reverse=True)

    seconds = page.locator("table", has_text="seconds to evaluate").first
    seconds.locator("thead th").nth(1).get_by_role("button").click()
    values = numbers(column(seconds, 2))
    assert values == [0.2, 0.2, 40.5, 60.5, 100]  # as text, 100 would come before 40
    names = table.locator("thead th").first
    names.get_by_role("button").click()
    assert column(table, 1) == ["fine_tuning", "maml", "mean", "reml", "scratch"]
    assert head.get_attribute("aria-sort") == "none"


def test_the_filter_hides_rows_and_trials(page: Any) -> None:
    table = page.locator("#tables table").first
    rows = table.locator("tbody tr:visible")
    assert rows.count() == 5
    page.get_by_role("searchbox", name="Filter rows").fill("maml")
    assert rows.count() == 1
    assert rows.first.locator("th").inner_text() == "maml"
    assert page.locator("details.trial:visible").count() == 2
    assert page.get_by_role("status").first.inner_text().endswith("rows")
    page.get_by_role("searchbox", name="Filter rows").fill("")
    assert rows.count() == 5


def test_figures_with_images_stay_light(page: Any) -> None:
    """An image's colours cannot follow the theme, so neither does the text around it."""
    drawing = page.locator("figure.light .drawing").first
    page.get_by_role("button", name="Dark").click()
    paper = drawing.evaluate("e => getComputedStyle(e).backgroundColor")
    text = drawing.locator("text").first.evaluate("e => getComputedStyle(e).fill")
    assert paper == "rgb(255, 255, 255)"
    assert brightness(text) < 0.3


def test_dark_and_light_change_page_and_figures(page: Any) -> None:
    def shade(selector: str, prop: str) -> str:
        return page.locator(selector).first.evaluate(f"e => getComputedStyle(e).{prop}")

    button = page.get_by_role("button", name="Dark")
    before = shade("body", "backgroundColor"), shade("figure svg text", "fill")
    assert button.get_attribute("aria-pressed") == "false"
    button.click()
    after = shade("body", "backgroundColor"), shade("figure svg text", "fill")
    assert button.get_attribute("aria-pressed") == "true"
    assert before[0] == "rgb(252, 251, 248)"
    assert after[0] == "rgb(16, 18, 21)"
    assert brightness(before[1]) < 0.3 < 0.7 < brightness(after[1])
    page.reload()
    assert shade("body", "backgroundColor") == after[0]
    page.get_by_role("button", name="Dark").click()
    assert shade("body", "backgroundColor") == before[0]


def brightness(colour: str) -> float:
    parts = colour.removeprefix("rgb(").removesuffix(")").split(",")
    return sum(map(int, parts)) / (3 * 255)


def test_the_system_may_ask_for_dark(page: Any) -> None:
    page.emulate_media(color_scheme="dark")
    colour = page.locator("body").evaluate("e => getComputedStyle(e).backgroundColor")
    page.emulate_media(color_scheme="light")
    assert colour == "rgb(16, 18, 21)"


def test_a_phone_scrolls_down_and_not_sideways(page: Any) -> None:
    page.set_viewport_size({"width": 375, "height": 800})
    page.reload()
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    assert page.locator("nav ol").first.is_hidden()
    page.locator("nav summary").first.click()
    assert page.get_by_role("link", name="Trials", exact=True).is_visible()
    page.set_viewport_size({"width": 1280, "height": 900})


def test_the_first_tab_skips_to_the_summary(page: Any) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the summary"
    page.keyboard.press("Enter")
    assert page.url.endswith("#summary")
