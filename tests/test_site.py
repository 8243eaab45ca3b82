"""The documentation's site builds without a warning, and what its pages say and show is true of the
code.
"""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import cardjax
from cardjax.commands import door
from cardjax.commands.main import main
from cardjax.env import CardMarket, make_params, posterior
from cardjax.env.cards import largest_sum
from cardjax.env.liquidity import depth_scale, draw_depth
from cardjax.env.quotes import draw_quote
from cardjax.env.state import Market, State, new_players
from cardjax.policies import symmetric_equilibrium

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"


def page(name):
    return (DOCS / f"{name}.md").read_text()


def blocks(name, language):
    return re.findall(rf"^```{language}\n(.*?)^```", page(name), re.DOTALL | re.MULTILINE)


def in_subprocess(command, folder, path=ROOT):
    environment = os.environ | {
        "PYTHONPATH": str(path),
        "JAX_PLATFORMS": "cpu",
        "NO_MKDOCS_2_WARNING": "1",
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )


# The site


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder that a strict build writes; a broken link or anchor, or a page that is in no menu,
    fails it.
    """
    pytest.importorskip("mkdocs")
    pytest.importorskip("material")
    pytest.importorskip("mkdocstrings_handlers.python")
    folder = tmp_path_factory.mktemp("site")
    built = in_subprocess(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)], ROOT
    )
    assert built.returncode == 0, built.stderr[-3000:]
    return folder


def test_every_page_is_built_and_in_the_menu(site):
    menu = (site / "index.html").read_text()
    for path in sorted(DOCS.rglob("*.md")):
        name = path.relative_to(DOCS).with_suffix(".html").as_posix()
        assert (site / name).is_file()
        assert name == "index.html" or f'href="{name}"' in menu, name


def test_the_pages_ask_nothing_of_another_host(site):
    for path in site.rglob("*.html"):
        asked = re.findall(
            r'<(?:script|img|iframe|link)\b[^>]*(?:src|href)="(?:https?:)?//[^"]+"[^>]*>',
            path.read_text(),
        )
        assert [tag for tag in asked if 'rel="canonical"' not in tag] == [], path


def test_search_and_names_are_whole_in_pages_that_are_opened_as_files(site):
    """In a real browser: what the search finds, and no name of the reference on two lines."""
    sync_playwright = pytest.importorskip("playwright.sync_api").sync_playwright
    chromium = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if chromium is None:
        pytest.skip("no Chromium on this machine")
    broken = """() => [...document.querySelectorAll("td:first-child code, .doc-heading code")]
      .filter((name) => name.getClientRects().length > 1).map((name) => name.textContent)"""
    with sync_playwright() as driver, driver.chromium.launch(executable_path=chromium) as browser:
        for width in (360, 1300):
            page = browser.new_page(viewport={"width": width, "height": 900})
            page.goto((site / "reference.html").as_uri())
            assert page.locator("td:first-child code").count() > 50
            assert page.evaluate(broken) == []
        page.click(".md-search__input")
        page.keyboard.type("posterior")
        page.wait_for_selector(".md-search-result__item", timeout=60_000)


@pytest.mark.parametrize(
    ("name", "objects"),
    [
        ("cardjax", ["cardjax.make"]),
        (
            "env",
            [
                "CardMarket",
                "CardMarket.step",
                "View",
                "make_params",
                "params_grid",
                "posterior",
                "remap_event",
            ],
        ),
        (
            "policies",
            ["Policy", "Policy.act", "make_policy", "symmetric_equilibrium", "expected_pnl"],
        ),
        ("evaluation", ["evaluate", "evaluate_grid", "Result", "play_games", "compare"]),
        ("trained", ["load_policy", "TrainedPolicy.act"]),
        (
            "adapters",
            [
                "MarketEnv",
                "MarketVectorEnv",
                "parallel_env",
                "MarketEnvironment",
                "MarketMultiAgentEnv",
            ],
        ),
        ("play", ["make_setup", "Game.play", "RoundRecord"]),
    ],
)
def test_the_reference_has_the_public_names(site, name, objects):
    headings = re.findall(
        r'<h\d id="([^"]+)" class="doc doc-heading"', (site / "api" / f"{name}.html").read_text()
    )
    for thing in objects:
        assert any(heading.endswith(f".{thing}") or heading == thing for heading in headings), thing
    assert not [heading for heading in headings if re.search(r"\._[a-z]", heading)]


# The code on the pages


def test_the_home_page_and_the_tutorial_run(capsys):
    for block in blocks("index", "python"):
        exec(compile(block, "docs/index.md", "exec"), {})
    names = {}
    for block in blocks("tutorial", "python"):
        shrunk = block.replace("n_games=2048", "n_games=256")
        exec(compile(shrunk, "docs/tutorial.md", "exec"), names)
    printed = capsys.readouterr().out
    for line in (
        "(2, 57) (2,) (2, 21)",
        "env.alpha = -1: must be a number in [0, 1000000]",
        "(4096, 2) -95.0",
        "True True",
    ):
        assert line in printed
    shown = "\n".join(blocks("tutorial", "text"))
    for combination in names["combinations"]:
        line = next(line for line in printed.splitlines() if line.startswith(str(combination)))
        assert line in shown


@pytest.mark.parametrize("name", ["tutorial", "export", "adapters"])
def test_code_that_needs_a_run_does_what_it_says(name, finished, workplace):
    if name == "adapters":
        pytest.importorskip("gymnasium")
    env, params = cardjax.make("two")
    reset, mask = (jax.jit(jax.vmap(f, (0, None))) for f in (env.reset, env.action_mask))
    observations, games = reset(jax.random.split(jax.random.key(0), 4), params)
    masks = mask(games, params)
    state = jax.tree.map(lambda leaf: leaf[0], games)
    names = {"cardjax": cardjax, "env": env, "params": params, "state": state}
    names |= {"observations": observations, "masks": masks, "obs": observations[0]}
    (workplace / "runs").mkdir()
    for run in ("first", "NAME"):
        (workplace / "runs" / run).symlink_to(finished)
    code = re.findall(r"^```python[^\n]*\n(.*?)^```", page(name), re.DOTALL | re.MULTILINE)
    (block,) = (block for block in code if '"runs/' in block)
    exec(compile(block.replace("=2048", "=64"), f"docs/{name}.md", "exec"), names)
    if name == "adapters":
        assert names["obs"].shape == (57,) and names["result"].score.mean is not None
    else:
        assert set(np.unique(names["actions"])) <= set(range(21))


def help_of(script, monkeypatch, capsys):
    """What a script says of its options."""
    with monkeypatch.context() as patch:
        patch.setattr(door, "enter", lambda *words: main([*words, *sys.argv[1:]]))
        patch.setattr(sys, "argv", [script, "--help"])
        with pytest.raises(SystemExit) as end:
            runpy.run_path(str(ROOT / script), run_name="__main__")
    assert end.value.code == 0
    return capsys.readouterr().out


def test_the_commands_of_the_tutorial_exist(monkeypatch, capsys):
    lines = [
        shlex.split(line) for block in blocks("tutorial", "bash") for line in block.splitlines()
    ]
    scripts = [line for line in lines if line[0] == "python"]
    assert {line[1] for line in scripts} >= {
        "train/ippo.py",
        "eval/evaluate.py",
        "eval/diagnose.py",
    }
    for script in {line[1] for line in scripts}:
        offered = help_of(script, monkeypatch, capsys)
        for line in scripts:
            options = [a for a in line[2:] if a.startswith("--")] if line[1] == script else []
            assert all(option in offered for option in options), line
    for line in scripts:
        assert all((ROOT / a).is_file() for a in line[2:] if a.startswith("configs/"))


@pytest.fixture(scope="module")
def extending():
    """The names that the Python of docs/extending.md defines, its print included."""
    names = {"__name__": "docs_extending"}
    for block in blocks("extending", "python"):
        exec(compile(block, "docs/extending.md", "exec"), names)
    return names


def test_the_policy_of_the_how_to_plays_as_it_says(extending):
    assert f"{extending['totals'].expected_pnl.mean():.2f}" == "0.61"
    env, params = cardjax.make("two", hints=2)
    _, state = env.reset(jax.random.key(0), params)
    view = env.view(state, params)
    policy = extending["Cautious"]()
    assert (policy.choose(params, view) == 0).all()
    all_shown = view._replace(hints=view.hints.at[..., 2].set(2), mu=view.ask + 5)
    np.testing.assert_array_equal(policy.choose(params, all_shown), [3, 3])


def test_the_maker_of_the_how_to_earns_what_it_says(extending):
    assert f"{extending['earned']:.0f}" == "199"
    market, params = extending["env"], extending["params"]
    view = market.maker_view(market.reset(jax.random.key(0), params)[1], params)
    maker = extending["Proportional"](share=0.5)
    _, choice = maker.act(params, (), view._replace(sigma=jnp.float32(6.1)), None)
    np.testing.assert_array_equal(choice, [8 * 5 + 3] * 2)  # 3 points, 8 units


@pytest.mark.slow  # a minute; the how-to of a policy is in the default suite
def test_the_learner_of_the_how_to_learns(extending):
    from cardjax.config import make_config, make_market

    values = {
        "env.reward": "expected_pnl",
        "ppo.hidden": [16],
        "ppo.learning_rate": 1e-2,
        "ppo.entropy": 0.5,
    }
    config = make_config(values)
    learner = extending["Reinforce"](make_market(config.game), config.env, config.ppo, 256, 40)
    keys = jax.random.split(jax.random.key(0), 2)

    @jax.jit
    def train(keys):
        return jax.vmap(
            lambda key: jax.lax.scan(lambda s, _: learner.update(s), learner.init(key), None, 40)
        )(keys)

    state, metrics = train(keys)
    assert (state.n_updates == 40).all()
    first, last = metrics["reward_per_game"][:, 0], metrics["reward_per_game"][:, -1]
    assert (first < -60).all() and (last > first / 2).all()
    assert learner.rounds_per_update == 2560
    params = jax.tree.map(lambda leaf: leaf[0], jax.vmap(learner.policy_params)(state))
    view = jax.vmap(learner.market.view, (0, None))(
        jax.tree.map(lambda leaf: leaf[0], state.games), config.env
    )
    _, action = learner.policy().act(params, (), view, keys[0])
    assert action.shape == (256, 2)


START = """
import jax, cardjax
env, params = cardjax.make("two")
obs, state = env.reset(jax.random.key(0), params)
view = env.view(state, params)
"""
CHANGED = {
    "imbalance": """
import numpy as np
field = env.observation_fields["imbalance"]
assert env.observation_size == 58
seen = np.asarray(obs)[:, field.slice.start] / np.float32(field.scale)
np.testing.assert_allclose(seen, view.displayed_ask - view.displayed_bid, rtol=1e-5)
""",
    "six_to_ten": """
import numpy as np
from cardjax.env import EVENT_KINDS, posterior, remap_event
from cardjax.play.words import event_words
assert env.observation_size == 58 and EVENT_KINDS[5] == "six_to_ten" and remap_event(2, 3) == 6
fields = env.observation_fields
for event, kind, from_rank, to_rank in ((5, 5, None, None), (remap_event(2, 14), 6, 2, 14)):
    seen = np.asarray(env.encode(view._replace(event=jax.numpy.full(2, event))))
    for name, place in (
        ("event_kind", kind),
        ("remap_from", from_rank and from_rank - 2),
        ("remap_to", to_rank and to_rank - 2),
    ):
        columns = seen[:, fields[name].slice]
        expected = np.arange(columns.shape[1]) == (-1 if place is None else place)
        np.testing.assert_array_equal(columns, [expected, expected])
assert event_words(5) == "Only 6 to 10: 6 7 8 9 10"
assert abs(posterior(5, [0] * 13)[0] - 24) < 1e-5
chances = {"events.none": 0.0, "events.remap": 0.0, "events.six_to_ten": 0.6}
env, params = cardjax.make("two", **chances)
states = jax.vmap(env.reset, (0, None))(jax.random.split(jax.random.key(0), 512), params)[1]
drawn = states.market.event == 5
assert 0.5 < drawn.mean() < 0.7
ranks = states.market.ranks[drawn]
assert ranks.min() == 6 and ranks.max() == 10
""",
}


NOTES = {"imbalance": "", "six_to_ten": "slower: the columns of event take 33 bits"}
"""What each says on the error stream."""


@pytest.mark.parametrize("which", CHANGED)
def test_a_diff_of_the_how_tos_applies_and_does_what_it_says(which, tmp_path):
    (diff,) = [block for block in blocks("extending", "diff") if which in block]
    for name in re.findall(r"^--- a/(\S+)", diff, re.MULTILINE):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    for path in (ROOT / "cardjax").rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    (tmp_path / "configs").symlink_to(ROOT / "configs")
    (tmp_path / "how_to.diff").write_text(diff)
    applied = subprocess.run(
        ["git", "apply", "how_to.diff"], cwd=tmp_path, capture_output=True, text=True
    )
    assert applied.returncode == 0, f"docs/extending.md is out of date: {applied.stderr}"
    script = START + CHANGED[which]
    done = in_subprocess([sys.executable, "-c", script], tmp_path, tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert NOTES[which] in done.stderr and bool(NOTES[which]) == ("slower" in done.stderr)


# The round in numbers


def test_the_round_in_numbers_is_what_the_code_computes():
    section = page("rules").split("## A round in numbers")[1]
    rows = dict(re.findall(r"^\| ([^|]+?) \| [^|]* \| ([^|]+?) \|$", section, re.MULTILINE))
    del rows["name"]
    computed = round_in_numbers()
    assert rows.keys() == computed.keys()
    for name, shown in rows.items():
        digits = len(shown.partition(".")[2])
        assert shown == f"{computed[name]:.{digits}f}".replace("-", "−"), name
    shown = {float(x) for x in rows.values() if "−" not in x} | {
        float(x[1:]) for x in rows.values() if "−" in x
    }
    given = {0.8, 0.25, 0.3, 0.6, 0.18, 1.2, 47.59}
    for number in re.findall(r"\d+\.\d+", section):
        assert float(number) in shown | given, number


def round_in_numbers():
    """By the functions of the market, from what the section gives: event, cards, the maker's error,
    z of the depths.
    """
    params, event, ranks = make_params(), 3, (14, 4, 10)
    counts = np.zeros(13, int)
    counts[[14 - 2, 4 - 2]] = 1
    mu, sigma = posterior(event, counts)
    quote = draw_quote(jnp.float32(-1.2 / params.sigma_q), mu, sigma, params)
    depths = [draw_depth(jnp.float32(z), sigma, quote.spread, params) for z in (1, 0)]
    market = Market(
        jnp.int32(event), jnp.array(ranks), jnp.int32(2), jnp.float32(28), mu, sigma, quote, *depths
    )
    env, state = CardMarket(2), State(market, new_players(2, params), jnp.int32(0))
    view = jax.jit(env.view)(state, params)
    assert view.hint_counts[0].tolist() == counts.tolist()
    assert view.action_mask.all()
    _, _, _, _, info = jax.jit(env.step_env)(jax.random.key(0), state, jnp.array([4, 3]), params)
    deck = 4 * [2, 4, 6, 8, 10, 12, 14]
    left = [rank for rank in deck if rank not in (14, 4)] + 3 * [14, 4]
    mix = symmetric_equilibrium(params, view, 2)
    assert (mix.p_more == 0).all()
    size = np.array([4, 3])
    expected = size * (info["mu"] - info["exec_price"])
    whole = {
        "n": len(left),
        "a": sum(left),
        "b": sum(x * x for x in left),
        "m": 1,
        "q": size.sum(),
        "S": info["S"],
        "equilibrium size": mix.size[0],
    }
    named = (
        "mu",
        "sigma",
        "spread",
        "mid",
        "bid",
        "ask",
        "depth_bid",
        "depth_ask",
        "displayed_bid",
        "displayed_ask",
    )
    return {
        name: float(x)
        for name, x in (
            whole
            | {name: info[name] for name in named}
            | {
                "edge of a buy": mu - quote.ask,
                "edge of a sell": quote.bid - mu,
                "depth scale": depth_scale(sigma, quote.spread, params),
                "cost of buying 4": 4 * quote.ask,
                "cost of selling 10": 10 * (largest_sum(event) - quote.bid),
                "overflow": size.sum() - info["depth_ask"],
                "slippage": info["slippage"][1],
                "exec_price": info["exec_price"][1],
                "fill_ratio": info["fill_ratio"][1],
                "pnl of player 0": info["pnl"][0],
                "pnl of player 1": info["pnl"][1],
                "expected_pnl of player 0": expected[0],
                "expected_pnl of player 1": expected[1],
                "wealth of player 0": info["wealth"][0],
                "log_wealth of player 0": jnp.log(info["wealth"][0] / 500),
                "equilibrium payoff": mix.payoff[0],
            }
        ).items()
    }
