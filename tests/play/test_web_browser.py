"""The page in a real browser: played by mouse and by keyboard, watched, replayed, on a phone's
width, in both colours.

Skipped where playwright (the Python package; its own browsers are not needed) or a Chromium of the
system is missing.
"""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

pytest.importorskip("uvicorn")
pytest.importorskip("starlette")
pytest.importorskip("playwright.sync_api")

from playwright.sync_api import sync_playwright

from cardjax.play.maker.record import parse_any_game
from cardjax.play.maker.score import score_of
from cardjax.play.record import parse_game

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
PATIENCE = 120_000
"""Milliseconds: long only where the machine has much else to do."""

CONTRAST = """() => {
  const UNSEEN = ".visually-hidden, .skip, :disabled, dialog:not([open]), option";
  const parse = (text) => {
    const numbers = text.match(/[\\d.]+/g).map(Number);
    return numbers.length > 3 ? numbers : [...numbers, 1];
  };
  const over = ([r, g, b, a], under) => [r, g, b].map((c, i) => c * a + under[i] * (1 - a));
  const linear = (c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4);
  const light = (rgb) => rgb.map((c) => linear(c / 255))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const ground = (node) => {
    if (!node) return [255, 255, 255];
    if (node.classList.contains("felt")) return [23, 98, 79];
    if (node.classList.contains("down")) return [140, 47, 57];
    const color = parse(getComputedStyle(node).backgroundColor);
    return color[3] === 1 ? color.slice(0, 3) : over(color, ground(node.parentElement));
  };
  const poor = [];
  let seen = 0;
  for (const node of document.querySelectorAll("body *")) {
    const own = [...node.childNodes].filter((child) => child.nodeType === 3);
    const text = own.map((child) => child.data.trim()).join("");
    const box = node.getBoundingClientRect();
    if (!text || box.width < 2 || node.closest(UNSEEN)) continue;
    const style = getComputedStyle(node), under = ground(node);
    const color = parse(node instanceof SVGElement ? style.fill : style.color);
    color[3] *= Number(style.opacity);
    const [a, b] = [light(over(color, under)), light(under)].sort((x, y) => y - x);
    seen += 1;
    const contrast = (a + 0.05) / (b + 0.05);
    if (contrast < 4.5) poor.push(`${text.slice(0, 20)}: ${contrast.toFixed(2)}`);
  }
  return [seen, poor];
}"""
"""How many texts are seen, and those with less than 4.5 : 1 against what is behind them."""
UNNAMED = """() => [
  ...document.querySelectorAll("button, input, select, a, [role=img], [role=region]")
].filter(
  (node) => !node.getAttribute("aria-label") && !node.labels?.length && !node.textContent.trim()
).map((node) => node.outerHTML)"""


@pytest.fixture(scope="module")
def address(compilation_cache):
    """Of a server that the command line started."""
    command = [sys.executable, "-m", "cardjax.play.web", "--port", "0"]
    env = os.environ | {"JAX_COMPILATION_CACHE_DIR": str(compilation_cache)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=env) as process:
        try:
            yield process.stdout.readline().split()[1] + "/"
        finally:
            process.terminate()


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, address):
    """visit(fragment="", **how): a page in a context of its own; at the end no console may have
    complained.
    """
    contexts, complaints = [], []

    def open_page(fragment="", **how):
        context = browser.new_context(**how)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = context.new_page()
        page.on(
            "console",
            lambda said: (
                complaints.append(said.text) if said.type in ("error", "warning") else None
            ),
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(address + fragment)
        page.wait_for_selector("#view > *")
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def tab_to(page, selector, limit=40):
    """Press Tab until the element has the focus, which has to be visible then."""
    for _ in range(limit):
        if page.evaluate("selector => document.activeElement.matches(selector)", selector):
            outline = "() => getComputedStyle(document.activeElement).outlineStyle"
            assert page.evaluate(outline) != "none"
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab does not reach {selector}")


def start(page, **fields):
    """Deal a game from the form."""
    for name, value in fields.items():
        if name == "mode":
            page.check(f"[name=mode][value={value}]")
        elif name == "seed":
            page.fill("[name=seed]", str(value))
        else:
            page.select_option(f"[name={name}]", value)
    page.click("text=Deal the cards")
    page.wait_for_selector(".trades")


def saved_from(page, tmp_path):
    with page.expect_download() as download:
        page.click("text=Save (JSON)")
    download.value.save_as(tmp_path / "game.json")
    return parse_game((tmp_path / "game.json").read_text())


def fits(page, width=360):
    """Nothing to scroll sideways: a phone's page that is too wide makes innerWidth grow with it."""
    return page.evaluate("Math.max(document.documentElement.scrollWidth, innerWidth)") == width


def test_a_whole_game_by_mouse(visit, tmp_path):
    page = visit(viewport={"width": 1280, "height": 900})
    start(page, mode="two", opponent="level1", seed=5)
    for t in range(10):
        assert page.inner_text(".felt h1") == f"Round {t + 1} of 10"
        page.click(f".sizes label:nth-of-type({t + 1})")
        page.click((".trades .buy", ".trades .sell", ".trades .pass")[t % 3])
        page.wait_for_selector(".result")
        assert page.locator(".decision").count() == 2 and page.locator(".card.down").count() == 0
        if t == 4:  # a page that is loaded again is at the same game
            page.reload()
            page.wait_for_selector(".trades")
            assert page.inner_text(".felt h1") == "Round 6 of 10"
        else:
            page.click(".result button")
    assert page.inner_text("h1").startswith("The game is over: you have")
    saved = saved_from(page, tmp_path)
    orders = [record.orders[0].requested for record in saved.records]
    assert orders == [1, 12, 0, 4, 15, 0, 7, 18, 0, 10]
    assert saved.players == ("human", "level1") and saved.setup.seed == 5
    pnl = sum(record.orders[0].pnl for record in saved.records)
    shown = page.inner_text(".score dd >> nth=0").replace("−", "-")
    assert float(shown) == pytest.approx(pnl, abs=0.0051)
    page.click("text=Review every round")
    assert page.inner_text(".felt h2") == "Round 1 of 10"
    page.click("text=Back to the totals")
    page.click("text=New game")
    page.wait_for_selector("text=Deal the cards")


def test_a_whole_game_by_keyboard(visit):
    page = visit()
    tab_to(page, "[name=mode]")
    page.keyboard.press("ArrowRight")
    tab_to(page, "[name=seed]")
    page.keyboard.press("Control+a")
    page.keyboard.type("9")
    page.keyboard.press("Enter")
    page.wait_for_selector(".trades")
    for t in range(10):
        page.keyboard.press(str((t + 3) % 10))
        page.wait_for_selector(
            f".sizes input[value='{(t + 3) % 10 or 10}']:checked", state="attached"
        )
        if t == 0:  # without the single keys, by Tab and Enter
            tab_to(page, ".trades .buy")
            page.keyboard.press("Enter")
        else:
            page.keyboard.press("bsp"[t % 3])
        page.wait_for_selector(".result")
        page.locator("#live", has_text="The cards sum to").wait_for(state="attached")
        assert page.evaluate("document.activeElement.matches('.result button')")
        page.keyboard.press("Enter" if t % 2 else "n")
        page.wait_for_selector(".trades" if t < 9 else "h1:has-text('The game is over')")
    assert page.locator(".rounds tbody tr").count() == 10
    assert page.inner_text(".rounds tbody tr:first-child td:nth-of-type(2)").startswith("buy 3")


def test_a_pressed_button_says_that_it_is_at_work(visit):
    page = visit()
    start(page, mode="single", seed=1)
    page.route("**/orders", lambda route: (page.wait_for_timeout(4000), route.continue_()))
    page.click(".trades .pass")
    page.wait_for_selector(".trades .pass[aria-busy]:has-text('Settling')")
    page.locator("#live", has_text="The first time takes some seconds").wait_for(state="attached")
    page.wait_for_selector(".result")


def test_with_the_impact_off_depth_is_not_spoken_of(visit):
    page = visit()
    page.uncheck("[name=impact]")
    start(page, seed=3)
    page.click(".trades .buy")
    page.wait_for_selector(".result")
    shown = page.inner_text("#view").lower()
    assert "depth" not in shown and "unit beyond" not in shown


def test_a_game_that_the_server_has_lost_is_said_to_be_lost_and_kept(browser, address):
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address)
    page.wait_for_selector("#view > *")
    start(page, seed=5)
    page.click(".trades .buy")
    page.wait_for_selector(".result")
    page.click(".result button")
    gone = {"status": 404, "body": '{"error": "The server no longer has this game."}'}
    page.route("**/api/games/*/orders", lambda route: route.fulfill(**gone))
    page.route("**/api/games/*", lambda route: route.fulfill(**gone))
    for lose in (lambda: page.click(".trades .buy"), page.reload):
        lose()
        page.wait_for_selector("h1:has-text('This game cannot go on')")
        assert "no longer has this game" in page.inner_text("#notice")
        assert page.locator(".rounds tbody tr").count() == 1
        page.click("text=Review every round")
        assert page.inner_text(".felt h2") == "Round 1 of 10"
    page.click("text=Back")
    page.click("text=New game")
    page.wait_for_selector("text=Deal the cards")
    page.reload()
    page.wait_for_selector("text=Deal the cards")
    page.close()


def test_single_keys_can_be_turned_off(visit):
    page = visit()
    start(page, mode="single", seed=1)
    page.click("text=Rules and keys")
    page.uncheck("#keys-on")
    page.keyboard.press("Escape")
    page.keyboard.press("b")
    page.wait_for_timeout(300)
    assert page.locator(".trades").count() == 1 and page.locator(".result").count() == 0


def test_a_hidden_event_is_said_to_be_hidden_and_the_belief_comes_on_request(visit):
    page = visit(viewport={"width": 360, "height": 740})
    start(page, mode="single", preset="hidden_events", seed=5)
    assert page.inner_text(".event") == "The event is hidden from everybody."
    assert page.locator(".deck").count() == 0
    assert page.is_hidden(".belief li >> nth=0")
    assert page.locator(".belief summary").bounding_box()["height"] >= 44
    page.click(".belief summary")
    assert page.locator(".belief li").count() == 6
    assert "%" in page.inner_text(".belief li >> nth=0")
    assert fits(page) and not page.evaluate(CONTRAST)[1]
    page.click(".trades .pass")
    page.wait_for_selector(".result")
    assert "the mean given all that was public was" in page.inner_text(".sum")
    page.click("text=Next round")
    page.wait_for_selector(".trades")
    assert page.inner_text(".last-round").startswith("Last round's cards: ")
    assert page.is_visible(".belief li >> nth=0"), "it stays open"


def test_what_is_held_is_shown_as_words_and_as_a_bar(visit):
    page = visit(viewport={"width": 360, "height": 740})
    start(page, mode="single", preset="inventory", seed=3)
    assert page.inner_text(".holdings p") == "You: no units held, of at most 20."
    assert page.locator("svg.inventory .held").get_attribute("width") == "0"
    page.check("input[name=size][value='5']", force=True)
    page.click(".trades .buy")
    page.wait_for_selector(".result")
    assert "Charge for risk, no money" in page.inner_text(".decisions")
    page.click("text=Next round")
    page.wait_for_selector(".trades")
    assert page.inner_text(".holdings p").startswith("You: 5 units held, of at most 20, marked at")
    assert page.locator("svg.inventory .held").get_attribute("width") == "25"
    assert fits(page) and not page.evaluate(CONTRAST)[1]


@pytest.fixture(scope="module")
def file(browser, address, tmp_path_factory):
    """A saved game of two policies, watched once."""
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address + "#watch")
    page.fill("[name=seed]", "3")
    page.click("button.primary")
    page.wait_for_selector(".scrub")
    folder = tmp_path_factory.mktemp("saved")
    saved_from(page, folder)
    page.close()
    return folder / "game.json"


def test_a_replay_is_scrubbed(visit, file):
    page = visit("#replay")
    page.set_input_files("#file", file)
    page.wait_for_selector(".scrub")
    saved = parse_game(file.read_text())
    assert page.inner_text("h1") == " against ".join(saved.players)

    def at(round_):
        record = saved.records[round_ - 1]
        assert page.inner_text(".felt h2") == f"Round {round_} of 10"
        assert page.inner_text(".quote >> nth=0 >> .price") == f"{record.bid:.2f}".replace("-", "−")
        assert page.get_attribute(".scrub input", "aria-valuetext") == f"round {round_} of 10"
        perfect = page.inner_text(".decision >> nth=1 >> dl")
        assert "Equilibrium: " in perfect and "Best reply: " in perfect
        return True

    assert at(1) and page.is_disabled("[aria-label='First round']")
    assert page.locator(".rounds tbody tr").count() == 1, "what is to come is not told before"
    assert page.locator(".score").count() == 0
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert at(3) and page.locator(".rounds tbody tr").count() == 3
    page.keyboard.press("ArrowLeft")
    assert at(2)
    page.keyboard.press("End")
    assert page.locator(".score").count() == 1 and page.locator(".rounds tbody tr").count() == 10
    assert at(10) and page.is_disabled("[aria-label='Round on']")
    page.fill(".scrub input", "5")
    assert at(5)
    page.focus(".scrub input")
    page.keyboard.press("ArrowRight")
    assert at(6)
    page.click("[aria-label='Show round 9']")
    assert at(9)
    page.click("[aria-label='First round']")
    page.click("[aria-label='Play']")
    page.wait_for_selector(".felt h2:has-text('Round 2')")
    page.click("[aria-label='Pause']")
    assert page.locator(".chart .line").count() == 2 and page.locator(".chart .bar").count() == 42


def test_what_is_refused_is_said_and_nothing_breaks(browser, address, file, tmp_path):
    page = browser.new_page()
    page.set_default_timeout(PATIENCE)
    page.goto(address + "#replay")
    page.set_input_files(
        "#file", {"name": "x.json", "mimeType": "application/json", "buffer": b"{}"}
    )
    page.wait_for_selector("#notice:has-text('The file is not a saved game of cardjax.')")
    changed = json.loads(file.read_text()) | {"players": ["<img src=x onerror=alert(1)>", "b"]}
    page.set_input_files(
        "#file", {"name": "y", "mimeType": "", "buffer": json.dumps(changed).encode()}
    )
    page.wait_for_selector("h1:has-text('<img src=x onerror=alert(1)> against b')")
    assert page.is_hidden("#notice") and page.locator("img").count() == 1, (
        "a name is text, whatever it says"
    )
    page.evaluate("sessionStorage.setItem('cardjax-game', 'expired')")
    page.goto(address + "#play")
    page.wait_for_selector("text=Deal the cards")
    page.close()


def test_the_page_fits_a_phone(visit, file):
    phone = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True}
    page = visit(**phone)
    assert fits(page)
    start(page, seed=11)
    assert fits(page)
    page.tap(".trades .buy")
    page.wait_for_selector(".result")
    assert fits(page)
    heights = """() => [...document.querySelectorAll('main button, main a')]
      .map((button) => button.getBoundingClientRect().height)"""
    assert min(page.evaluate(heights)) >= 44
    for fragment in ("#watch", "#replay"):
        assert fits(visit(fragment, **phone))
    page = visit("#replay", **phone)
    page.set_input_files("#file", file)
    page.wait_for_selector(".scrub")
    assert fits(page)
    page.keyboard.press("End")
    hint = page.locator("[aria-label=Totals] .hint")
    hint.wait_for()
    assert "scroll it sideways" in hint.inner_text()
    page.set_viewport_size({"width": 1200, "height": 740})
    hint.wait_for(state="hidden")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_and_controls_have_names(visit, file, scheme):
    page = visit(color_scheme=scheme, reduced_motion="reduce")
    seen = 0

    def check():
        nonlocal seen
        n, poor = page.evaluate(CONTRAST)
        seen += n
        assert not poor and not page.evaluate(UNNAMED)

    check()
    start(page, seed=11)
    check()
    page.click(".trades .sell")
    page.wait_for_selector(".result")
    check()
    page.click("text=Replay")
    page.set_input_files("#file", file)
    page.wait_for_selector(".scrub .icon")
    check()
    page.click("text=Rules and keys")
    check()
    assert seen > 300
    assert (
        page.evaluate("getComputedStyle(document.querySelector('.card')).animationName") == "none"
    )


def test_colours_can_be_chosen(visit):
    page = visit(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(paper)
    page.click("#theme-button")
    assert page.evaluate(paper) == light
    page.click("#theme-button")
    dark = page.evaluate(paper)
    page.reload()
    page.wait_for_selector("#view > *")
    assert dark != light and page.evaluate(paper) == dark


def test_a_scripted_maker_is_watched_from_its_seat(visit):
    page = visit("#watch", viewport={"width": 360, "height": 740})
    page.check("[name=role][value=maker]")
    assert page.input_value("[name=preset]") == "maker" and fits(page)
    page.select_option("[name=maker]", "competitive")
    page.select_option("[name=opponent]", "pass")
    page.fill("[name=seed]", "3")
    page.click("button.primary")
    page.wait_for_selector(".scrub")
    assert page.inner_text("h1") == "competitive against 2 takers (pass)"
    page.keyboard.press("End")
    page.locator("[aria-label=Totals]").wait_for()


def test_a_whole_game_as_the_market_maker(visit, tmp_path):
    page = visit(viewport={"width": 360, "height": 740})
    page.check("[name=role][value=maker]")
    assert page.input_value("[name=preset]") == "maker" and fits(page)
    page.fill("[name=seed]", "5")
    assert page.input_value("[name=opponent]") == "equilibrium"
    page.click("text=Deal the cards")
    page.wait_for_selector(".quoting")
    assert page.evaluate("document.activeElement.matches('.order button')")
    mean = float(re.search(r"Your mean is ([\d.]+)", page.inner_text(".sum"))[1])

    page.select_option("[name=ask_offset]", label="2")
    page.select_option("[name=ask_depth]", label="6")
    assert page.locator("[name=bid_offset] option:checked").inner_text() == "2", "both alike"
    prices = [float(page.inner_text(f".quoting >> nth={i} >> .price")) for i in (0, 1)]
    assert prices == pytest.approx([mean - 2, mean + 2], abs=0.011)
    page.uncheck("[name=same]")
    page.select_option("[name=bid_offset]", label="4")
    assert page.locator("[name=ask_offset] option:checked").inner_text() == "2"
    assert fits(page) and not page.evaluate(CONTRAST)[1] and not page.evaluate(UNNAMED)
    for t in range(10):
        if t % 2:
            page.click(".order button")
        else:
            page.locator(".order button").focus()
            page.keyboard.press("q")
        page.wait_for_selector(".result")
        assert "Takers saw" in page.inner_text(".result")
        assert page.locator(".decision table tbody tr").count() == 3
        if t == 0:
            assert fits(page) and not page.evaluate(CONTRAST)[1] and not page.evaluate(UNNAMED)
        if t == 4:  # a page that is loaded again is at the same game, with the same quote
            page.reload()
            page.wait_for_selector(".quoting")
            assert page.inner_text(".felt h1") == "Round 6 of 10"
            assert page.locator("[name=bid_offset] option:checked").inner_text() == "4"
        else:
            page.keyboard.press("n")
    page.wait_for_selector("h1:has-text('The game is over: you ')")
    assert page.locator("[aria-label=Totals] tbody tr").count() == 4 and fits(page)
    with page.expect_download() as download:
        page.click("text=Save (JSON)")
    download.value.save_as(tmp_path / "game.json")
    saved = parse_any_game((tmp_path / "game.json").read_text())
    quotes = {tuple((side.offset, side.depth) for side in r.quoted) for r in saved.records}
    assert quotes == {((2, 6), (4, 6))} and saved.takers.name == "equilibrium"
    score = page.inner_text(".score div:has(dt:text-is('Score')) dd").split()[0]
    assert float(score) == pytest.approx(score_of(saved.records).score, abs=0.0051)
    page.click("text=Review every round")
    assert page.inner_text(".felt h2") == "Round 1 of 10"

    page = visit("#replay")
    page.set_input_files("#file", tmp_path / "game.json")
    page.wait_for_selector(".scrub")
    assert page.inner_text("h1") == "The market maker against 2 takers (equilibrium)"
    page.keyboard.press("End")
    assert page.locator(".rounds tbody tr").count() == 10
    assert page.locator("[aria-label=Totals] tbody tr").count() == 4
