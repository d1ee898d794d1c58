"""A kind of question from a folder outside the package: task, method, answer and measure, with no edit inside."""

from __future__ import annotations

import textwrap

import numpy as np
import pytest

from erlangen import registry
from erlangen.core.errors import Invalid
from erlangen.study.run import run

FILES = {
    "kinds.py": """
        \"\"\"A kind of question that the package does not know: in which order?\"\"\"
        import abc
        from erlangen.contract import Answer, Task

        class Order(Answer):
            @abc.abstractmethod
            def order(self, items):
                \"\"\"Place of every item, from 0.\"\"\"

        class Ranking(Task):
            measure = "ranking"

            @property
            def answer(self):
                return Order

            @abc.abstractmethod
            def lists(self, split):
                \"\"\"[(items, true order)].\"\"\"
        """,
    "tasks/choice/by_weight.py": """
        \"\"\"Which stone is heavier? Trivial.\"\"\"
        from dataclasses import dataclass
        import numpy as np
        from erlangen.core.quantity import Quantity
        from erlangen.core.systems import Compound
        from ...kinds import Ranking

        @dataclass(frozen=True)
        class ByWeight(Ranking):
            count: int = 8

            container = Compound
            inputs = (Quantity("weight", "m", "kg"),)
            outputs = (Quantity("place", "n", "1"),)
            symmetry = ()

            def lists(self, split):
                weights = np.random.default_rng(len(split)).normal(size=(5, self.count))
                return [(w, np.argsort(np.argsort(w))) for w in weights]
        """,
    "methods/ranking/sorting.py": """
        \"\"\"Sort by the number, up or down. Trivial.\"\"\"
        from dataclasses import dataclass
        import numpy as np
        from erlangen.contract import Method, Session, Signature
        from erlangen.core.systems import Compound
        from ...kinds import Order, Ranking

        class Sorted(Order):
            sign: float

            def order(self, items):
                return np.argsort(np.argsort(self.sign * items))

        @dataclass(frozen=True)
        class Sorting(Method):
            sign: float = 1.0

            accepts = Signature(Ranking, Compound)

            def fit(self, task, budget, *, key, session=Session()):
                return Sorted(self.sign)
        """,
    "measures/ranking.py": """
        \"\"\"Kendall's tau of orders.\"\"\"
        import numpy as np
        from scipy.stats import kendalltau
        from erlangen.assess.rows import Estimate

        def describe(task, record, say):
            record.data["samples"] = {"test": len(task.lists("test"))}

        def measure(fit):
            taus = [kendalltau(fit.answer.order(x), true).statistic for x, true in fit.task.lists("test")]
            error = float(np.std(taus) / len(taus) ** 0.5)
            fit.record.scores = [Estimate("tau", float(np.mean(taus)), error, "1", lower_is_better=False)]
            return {"scores/tau": np.array(taus)}
        """,
}


@pytest.fixture
def outside(tmp_path, monkeypatch):
    for name, text in FILES.items():
        path = tmp_path / "plugin" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip().replace('\\"', '"'))
    monkeypatch.setenv("ERLANGEN_PATH", str(tmp_path / "plugin"))
    return tmp_path


def test_a_kind_of_question_from_outside_is_listed_run_measured_kept_and_read_back(outside):
    from erlangen.contract import kind_of
    from erlangen.study.run import load

    names = {e.name: e for kind in ("task", "method", "measure") for e in registry.entries(kind)}
    assert not any(names[n].problem for n in ("choice/by_weight", "sorting", "ranking"))
    task = registry.load_task("choice/by_weight")()
    assert kind_of(task) == "Ranking"
    done = run("choice/by_weight", "sorting", budget="1steps", runs=outside / "runs", quiet=True)
    assert done.record.score("tau").value == pytest.approx(1) and "tau" in done.table()
    assert load(done.folder).fitted.order(np.array([3.0, 1.0, 2.0])).tolist() == [2, 0, 1]
    worst = run(task, registry.load_method("sorting")(sign=-1.0), budget="1steps", runs=outside / "runs", quiet=True)
    assert worst.record.score("tau").value == pytest.approx(-1)
    with pytest.raises(Invalid, match="needs a task of kind Supervised, choice/by_weight is Ranking"):
        run("choice/by_weight", "svm", runs=outside / "runs", quiet=True)


def test_a_plug_in_of_the_old_contract_is_told_what_changed(outside):
    old = outside / "plugin/methods/ranking/aged.py"
    old.write_text(
        '"""Old. Trivial."""\nfrom dataclasses import dataclass\nfrom erlangen.contract import Fitted, Method\n\n'
        "@dataclass(frozen=True)\nclass Aged(Method):\n    pass\n"
    )
    with pytest.raises(Invalid, match=r"Fitted is now Predictor, or another Answer"):
        registry.load_method("aged")
