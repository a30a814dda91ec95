"""`reml plot --figure` and `Results.plot`: one figure, of the size and style asked for."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from matplotlib.font_manager import fontManager, get_font
from PIL import Image

import reml
from benchmarks.cli import main
from benchmarks.core.errors import UnknownName, UserError
from benchmarks.harness.store.results import Results
from benchmarks.report.figures import catalogue
from benchmarks.report.figures.drawing import fonts
from benchmarks.report.figures.drawing.fitting import too_small
from benchmarks.report.figures.drawing.style import panels
from benchmarks.report.figures.one import draw_one, labels_of, place_of, save_one, size_of

Make = Callable[..., Results]
NAME = "error-against-steps"


@pytest.fixture(scope="module")
def results(make_results: Make) -> Results:
    learners = ["reml", "maml", "maml (first_order)", "scratch", "mean"]
    return make_results(learners, tasks=6, seeds=1, shots=(5,), curves=False)


@pytest.fixture
def folder(results: Results, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the command line finds these results; it works in `tmp_path`."""
    monkeypatch.setattr("benchmarks.commands.show.load_results", lambda directory: results)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "out"


@pytest.mark.parametrize("size", ["3.3x2.5", " 3.30 X 2.5 ", "3.3×2.5", (3.3, 2.5)])
def test_a_size_is_width_and_height(size: object) -> None:
    assert size_of(size) == (3.3, 2.5)


@pytest.mark.parametrize(
    "size", ["", "3", "3x", "0x2", "-1x2", "1e9x1", "nanx1", 3.3, (1,), "3,3x2"]
)
def test_what_is_no_size_is_refused(size: object) -> None:
    with pytest.raises(UserError, match=r"cannot have the size .*: 3\.3x2\.5, say$"):
        size_of(size)


def test_a_paper_has_the_size_asked_for_and_nothing_is_cut(
    results: Results, tmp_path: Path
) -> None:
    drawing = draw_one(results, NAME, style="paper", size="3.3x2.5")
    assert drawing.cautions == ()
    save_one(drawing, tmp_path / "a.png", "png")
    assert Image.open(tmp_path / "a.png").size == (1980, 1500)
    (ax,), (legend,) = drawing.figure.axes, drawing.figure.legends
    assert len(legend.get_texts()) == 5
    assert legend.get_window_extent().y1 < ax.get_window_extent().y0  # below: beside is no room
    assert ax.get_window_extent().width > 0.7 * drawing.figure.bbox.width
    sizes = {it.get_fontsize() for it in (*legend.get_texts(), ax.title, *ax.get_xticklabels())}
    assert 6 <= min(sizes) <= max(sizes) <= 8  # points


def test_slides_are_the_same_figure_with_all_of_it_larger(results: Results) -> None:
    plain, large = (draw_one(results, NAME, ["maml"], style=it).figure for it in (None, "slides"))
    assert large.get_size_inches() == pytest.approx(1.8 * plain.get_size_inches())
    one, other = plain.axes[0], large.axes[0]
    assert other.title.get_fontsize() == pytest.approx(1.8 * one.title.get_fontsize())
    assert other.lines[0].get_linewidth() == pytest.approx(1.8 * one.lines[0].get_linewidth())


@pytest.mark.parametrize(
    ("x", "said"), [(0.5, ""), (0.12, "text covers text at 3x2"), (0.95, "something is cut at 3x2")]
)
def test_what_does_not_fit_is_said(x: float, said: str) -> None:
    figure, _ = panels(1, 1, 3, 2)
    figure.text(0.1, 0.5, "a label").set_in_layout(False)
    figure.text(x, 0.5, "another")
    figure.draw_without_rendering()
    assert too_small(figure).startswith(said)
    assert bool(too_small(figure)) == bool(said)


def test_where_there_is_no_room_at_all_nothing_is_drawn(results: Results) -> None:
    with pytest.raises(UserError, match=r"has no room in 2x1 inches; fewer learners, the style"):
        draw_one(results, NAME, size="2x1")


@pytest.mark.parametrize("kind", ["pdf", "svg", "png"])
def test_the_command_line_writes_one_file_twice_the_same(
    folder: Path, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = ["plot", str(folder), "--figure", NAME, "--learners", "mean,reml"]
    assert main([*asked, "--format", kind]) == 0
    assert main([*asked, "-o", f"mine.{kind}", "--style", "report"]) == 0
    assert capsys.readouterr().out == f"{NAME}.{kind}\nmine.{kind}\n"
    first, second = Path(f"{NAME}.{kind}").read_bytes(), Path(f"mine.{kind}").read_bytes()
    assert first == second
    assert first.startswith({"pdf": b"%PDF", "svg": b"<?xml", "png": b"\x89PNG"}[kind])
    assert not folder.exists()


def test_the_list_has_every_name(
    folder: Path, results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plot", str(folder), "--list"]) == 0
    shown = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert shown == [it.stem for it in catalogue.pictures(results)]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (["--figure", "eror-against-steps"], f"did you mean {NAME!r}"),
        (["--figure", NAME, "--learners", "mamml"], "unknown learner 'mamml'; did you mean 'maml'"),
        (["--figure", NAME, "--learners", ","], "name at least one learner: reml, maml"),
        (["--figure", "training-curves", "--learners", "mean"], "has nothing to show of 'mean'"),
        (["--figure", NAME, "--format", "gif"], "unknown format 'gif'; known: pdf, png, svg"),
        (["--figure", NAME, "--style", "papr"], "unknown style 'papr'; did you mean 'paper'"),
        (["--figure", NAME, "--size", "big"], "cannot have the size 'big'"),
        (["--figure", NAME, "-o", "a.jpg"], "expected a file that ends in .pdf, .svg, .png"),
        (["--figure", NAME, "-o", "a.svg", "--format", "pdf"], "but the format is to be pdf"),
        (["--figure", NAME, "-o", "no/such/a.pdf"], "no/such/a.pdf: cannot be written (No such"),
        (["--size", "3x3"], "--size is of one figure: name it with --figure"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    folder: Path, more: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plot", str(folder), *more]) == 2
    error = capsys.readouterr().err
    assert error.startswith("reml: ")
    assert said in error
    assert error.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_where_a_figure_goes(tmp_path: Path) -> None:
    assert place_of(None, None, "a") == (Path("a.pdf"), "pdf")
    assert place_of(tmp_path, "svg", "a") == (tmp_path / "a.svg", "svg")
    assert place_of(tmp_path / "b.PNG", None, "a") == (tmp_path / "b.PNG", "png")
    assert place_of(tmp_path / "fig.1", "pdf", "a") == (tmp_path / "fig.1", "pdf")


def test_labels_may_have_commas() -> None:
    known = ["maml", "maml (a=1, b=2)", "gp"]
    assert labels_of("gp,maml (a=1, b=2),maml", known) == ["gp", "maml (a=1, b=2)", "maml"]


LABELS = {
    "Greek": "λέαρνερ",
    "accents": "Ünlü Çağrı",
    "Arabic": "متعلم",
    "CJK": "学習者",
    "Thai": "ผู้เรียน",
}


@pytest.mark.filterwarnings("ignore:Glyph")
@pytest.mark.parametrize("script", LABELS)
def test_letters_that_no_font_has_are_said_once(
    make_results: Make, script: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch
) -> None:
    monkeypatch.setattr(fonts, "_others", lambda: iter(()))
    label, plain = (
        LABELS[script],
        make_results(["mean"], tasks=4, seeds=1, shots=(5,), curves=False),
    )
    frames = {name: getattr(plain, name).assign(learner=label) for name in ("trials", "scores")}
    named = replace(plain, **frames, order=(label,), history=plain.history.iloc[:0])
    said = draw_one(named, NAME).cautions
    catalogue.write_figures(named, tmp_path)
    error = capsys.readouterr().err
    if script not in ("CJK", "Thai"):
        assert (said, error) == ((), "")
        return
    (sentence,) = said
    assert f"{min(label)} (U+{ord(min(label)):04X})" in sentence
    assert error.count("\n") == 1
    assert re.match(r"reml: figures: no font on this machine has ", error)


def test_a_light_font_of_the_same_name_does_not_speak_for_the_plain_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    few = next(it for it in fontManager.ttflist if it.name == "cmr10")
    light = replace(few, name=fonts.FONT, weight=200)
    monkeypatch.setattr(fontManager, "ttflist", [light, *fontManager.ttflist, light])
    monkeypatch.setattr(fonts, "_letters", fonts._letters.__wrapped__)
    assert ord("م") not in get_font(few.fname).get_charmap()
    assert fonts.missing("م") == set()


def test_another_font_stands_in_where_one_has_the_letter() -> None:
    lacking = next(chr(it) for it in range(0x2100, 0x2C00) if fonts.fallbacks([chr(it)]))
    (name,) = fonts.fallbacks([f"a{lacking}"])
    assert fonts.missing(lacking)
    assert not fonts.missing(lacking, [name])
    assert fonts.fallbacks(["maml", "ä °²"]) == ()
    assert not any("Last Resort" in it for it in fonts.fallbacks(["学習者 🚀"]))  # it has boxes


def test_python_gets_the_axes(tmp_path: Path, results: Results, monkeypatch) -> None:
    shown = object.__new__(reml.Results)
    shown.__dict__ |= {"directory": tmp_path, "_results": results}
    axes = shown.plot(NAME, learners=["maml", "mean"], style="paper", size=(3.3, 2.5))
    assert [ax.get_title() for ax in axes] == ["5 shots"]
    axes[0].set_title("mine")
    assert axes.figure.get_size_inches().tolist() == [3.3, 2.5]
    assert axes._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(UnknownName, match="unknown style 'poster'"):
        shown.plot(NAME, style="poster")
    monkeypatch.setattr("benchmarks.report.figures.one.too_small", lambda figure: "is crowded")
    with pytest.warns(UserWarning, match=f"figure '{NAME}': is crowded"):
        shown.plot(NAME, size="3x3")
