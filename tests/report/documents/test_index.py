from collections.abc import Callable
from dataclasses import replace

from benchmarks.harness.store.results import Results
from benchmarks.report.documents.index import findings, write_index
from benchmarks.report.figures.catalogue import write_figures
from benchmarks.report.scores.summary import summarise
from benchmarks.report.tables.write import write_table

Make = Callable[..., Results]


def words(results: Results) -> str:
    return " ".join(findings(summarise(results)))


def test_index_shows_findings_tables_figures_and_origin(make_results: Make, tmp_path) -> None:
    results = make_results(["reml", "maml", "mean"], tasks=20, failed=[("mean", 1)])
    write_figures(results, tmp_path)
    path = write_index(results, tmp_path)
    text = path.read_text(encoding="utf-8")
    assert path == tmp_path / "index.md"
    assert text.startswith("# synthetic\n")
    for line in text.splitlines():
        if line.startswith("!["):
            target = line.partition("](")[2].rstrip(")")
            assert (tmp_path / target).is_file()
    assert text.count("![") == 7
    assert "| reml " in text
    assert "⚠ mean, seed 1: Diverged: query_loss became nan" in text
    assert "seconds to meta-train" in text
    assert "peak memory in MB" in text
    assert "torch 2.13.0" in text
    assert "commit `0123456` + uncommitted changes" in text
    assert "§ of these weights: mean has one seed left" in text
    assert "Intervals allow for there being 2 seeds" in text
    assert "Compositions" not in text  # nobody diagnosed


def test_index_shows_what_was_decided(make_results: Make, tmp_path) -> None:
    results = make_results(["reml", "reml-fixed", "mean"], tasks=20, diagnostics=True)
    write_table(results, tmp_path)
    text = write_index(results, tmp_path).read_text(encoding="utf-8")
    section = text.partition("### Compositions\n")[2].partition("###")[0]
    assert "| learner    | shots | distinct compositions | marginal entropy |" in section
    assert "| reml-fixed |     5 |                     1 |             0.00 |" in section
    assert "| mean " not in section
    assert "[compositions.csv](compositions.csv)" in section
    assert (tmp_path / "compositions.csv").is_file()


def test_index_links_no_figure_that_is_not_there(make_results: Make, tmp_path) -> None:
    results = make_results(["reml"], tasks=5)
    assert "![" not in write_index(results, tmp_path).read_text(encoding="utf-8")


def test_findings_say_separated_only_where_the_interval_says_so(make_results: Make) -> None:
    results = make_results(["reml", "maml", "mean"], tasks=60, shots=(5,))
    clear = words(results)
    assert "On sinusoid with 5 shots, after 10 steps, `reml` has the lowest mean MSE" in clear
    assert "The next is `maml`" in clear
    assert "the interval separates the two, and likewise from all others." in clear

    values = results.scores["value"].where(results.scores["learner"] != "maml")
    reml = results.scores[results.scores["learner"] == "reml"]["value"].to_numpy()
    sign = 1 - 2 * (results.scores["task"] % 2)
    values = values.where(values.notna(), 0)
    mine = results.scores["learner"] == "maml"
    values[mine] = reml * (1 + 0.1 * sign[mine])
    close = words(replace(results, scores=results.scores.assign(value=values)))
    assert "do not separate" in close
    assert "separates" not in close


def test_findings_rank_neither_privileged_nor_incomplete_learners(make_results: Make) -> None:
    results = make_results(["oracle", "reml", "maml"], tasks=10, failed=[("reml", 0)])
    text = words(results)
    assert "`maml` has the lowest" in text
    assert "there is no other to compare it with" in text
    assert "Not ranked on sinusoid: `oracle †` (privileged) and `reml` (1 of 2 seeds)." in text
    nobody = make_results(["oracle"], tasks=5)
    assert "no learner can be ranked" in words(nobody)


def test_hostile_labels_are_no_markup(make_results: Make, tmp_path) -> None:
    results = make_results(["reml", "maml"], families=["sinusoid"], tasks=5, shots=(5,))
    names = {"reml": "a`b", "maml": "<i>", "sinusoid": "<b> | *x*"}
    frames = {
        name: getattr(results, name).replace({"learner": names, "family": names})
        for name in ("trials", "scores", "curves", "history")
    }
    hostile = replace(results, **frames, order=("a`b", "<i>"))
    write_figures(hostile, tmp_path)
    text = write_index(hostile, tmp_path).read_text(encoding="utf-8")
    assert "<b>" not in text
    assert "*x*" not in text
    title = r"\<b\> \| \*x\*"
    assert f"### {title}, 5 shots\n" in text
    assert f"![Fitted curves, {title}](" in text
    assert f"On {title} with 5 shots, after 10 steps, `` a`b `` has the lowest" in text
    assert "The next is `<i>` at" in text  # in code type nothing is markup
    assert r"| \<i\> " in text


def test_few_seeds_are_said_to_be_few(make_results: Make, tmp_path) -> None:
    for seeds, said in ((2, True), (12, False)):
        text = write_index(make_results(["mean"], tasks=4, seeds=seeds), tmp_path).read_text()
        assert ("Intervals allow for there being 2 seeds" in text) == said
        assert "§" not in text
