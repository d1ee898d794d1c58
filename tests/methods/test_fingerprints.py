"""Methods on fingerprints against scikit-learn, closed forms and theorems; tables of molecules and their faults."""

from __future__ import annotations

import jax
import numpy as np
import pytest

from erlangen.contract import Budget
from erlangen.core.errors import Invalid
from erlangen.data.compound_files import read_compounds
from erlangen.data.fingerprints import fingerprints
from erlangen.learn.batching import predict, predict_spread
from erlangen.methods.fingerprints._covariance import evidence, most_probable, priors, similarity
from erlangen.methods.fingerprints.gaussian_process import GaussianProcess
from erlangen.methods.fingerprints.svm import SVM
from erlangen.tasks.molecules.activity import Activity

SPLITS = ("train", "validation", "calibration", "test")
BUDGET, KEY = Budget(seconds=60), jax.random.key(0)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """60 molecules of the computed set as a CSV file."""
    from erlangen.tasks.molecules.activity import _computed

    whole = _computed()
    path = tmp_path_factory.mktemp("tables") / "own.csv"
    lines = [f"{whole.smiles[i]},{whole.value[i]:.4f}" for i in range(0, 600, 10)]
    path.write_text("smiles,value\n" + "\n".join(lines) + "\n")
    return str(path)


def training(task):
    parts = [task.truth("train"), task.truth("validation")]
    return [x for p in parts for x in p.inputs], np.array([float(y) for p in parts for y in p.outputs["activity"]])


def test_similarity_is_sum_of_minima_over_sum_of_maxima_and_positive_semidefinite():
    counts = np.random.default_rng(0).poisson(0.7, (40, 64)).astype(np.uint8)
    found = similarity(counts)
    low, high = (f(counts[:, None], counts).sum(-1) for f in (np.minimum, np.maximum))
    np.testing.assert_allclose(found, low / high, rtol=1e-12)
    assert np.linalg.eigvalsh(found).min() > -1e-10
    assert np.linalg.eigvalsh(np.exp(-7 * (1 - found))).min() > -1e-10


def test_evidence_is_that_of_scikit_learn_and_its_gradient_that_of_differences():
    from sklearn.gaussian_process import GaussianProcessRegressor
    from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

    rng = np.random.default_rng(1)
    x = rng.normal(size=(30, 2))
    y = np.sin(x[:, 0]) + 0.1 * rng.normal(size=30)
    s = 1 - np.sum((x[:, None] - x) ** 2, -1)  # exp(-g (1 - s)) is then the Gaussian kernel with 1 / 2 l^2 = g
    kernel = ConstantKernel(0.7) * RBF(np.sqrt(1 / (2 * 0.4))) + WhiteKernel(0.05)
    peer = GaussianProcessRegressor(kernel, optimizer=None).fit(x, y)
    theta = np.log([0.05, 0.7, 0.4])
    centre, width = priors(1)
    prior = 0.5 * np.sum(((theta - centre) / width) ** 2)
    value, gradient = evidence(theta, [s], y)
    assert value - prior == pytest.approx(-peer.log_marginal_likelihood_value_ - 15 * np.log(2 * np.pi), rel=1e-9)
    for i, step in enumerate(1e-5 * np.eye(3)):
        slope = (evidence(theta + step, [s], y)[0] - evidence(theta - step, [s], y)[0]) / 2e-5
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-7)


def test_the_process_answers_with_the_closed_form(table):
    task = Activity(data=table)
    inputs, y = training(task)
    kinds = ("circular", "pairs")
    fitted = GaussianProcess(kinds=kinds).fit(task, BUDGET, key=KEY)
    test = task.truth("test").inputs
    rows = [np.stack([x[kind] for x in [*inputs, *test]]) for kind in kinds]
    tables, n = [similarity(r) for r in rows], len(inputs)
    z = (y - y.mean()) / y.std()
    order = np.random.default_rng(int(jax.random.randint(KEY, (), 0, 2**31 - 1))).permutation(n)
    theta = most_probable([t[np.ix_(order, order)] for t in tables], z[order], 30)
    weights, rates = np.exp(theta[1:3]), np.exp(theta[3:])
    k = sum(w * np.exp(-g * (1 - t)) for w, g, t in zip(weights, rates, tables))
    inverse = np.linalg.inv(k[:n, :n] + np.exp(theta[0]) * np.eye(n))
    mean = y.mean() + y.std() * k[n:, :n] @ inverse @ z
    variance = weights.sum() + np.exp(theta[0]) - np.einsum("in,nm,im->i", k[n:, :n], inverse, k[n:, :n])
    np.testing.assert_allclose(np.ravel(predict(fitted, test)["activity"]), mean, rtol=1e-6)
    spread = np.ravel(predict_spread(fitted, test)["activity"])
    np.testing.assert_allclose(spread, y.std() * np.sqrt(variance), rtol=1e-3)


def test_the_machine_predicts_what_scikit_learn_predicts(table):
    from sklearn.svm import SVR

    task = Activity(data=table)
    inputs, y = training(task)
    fitted = SVM(costs=(10.0,), gammas=(0.01,)).fit(task, BUDGET, key=KEY)
    peer = SVR(C=10.0, gamma=0.01, epsilon=0.1).fit(np.stack([x["ecfp4"] for x in inputs]).astype(float), y)
    test = task.truth("test").inputs
    wanted = peer.predict(np.stack([x["ecfp4"] for x in test]).astype(float))
    np.testing.assert_allclose(np.ravel(predict(fitted, test)["activity"]), wanted, atol=2e-3)  # libsvm's tolerance


def test_cross_validation_takes_the_best_pair_of_the_grid():
    from erlangen.learn.support_vectors import cross_validate

    rng = np.random.default_rng(2)
    x = rng.normal(size=(60, 2))
    y = np.sin(2 * x[:, 0])
    assert cross_validate(x, y, (1e-3, 100.0), (1e-4, 0.5)) == (100.0, 0.5)


def test_both_beat_the_mean_and_the_process_is_surer_near_its_data():
    task = Activity(data="crippen")
    test = task.truth("test")
    truth = np.ravel(test.outputs["activity"])
    fitted = GaussianProcess(n_evidence=300, iterations=15).fit(task, BUDGET, key=KEY)
    for answer in (fitted, SVM(costs=(10.0,), gammas=(0.03,)).fit(task, BUDGET, key=KEY)):
        assert np.std(np.ravel(predict(answer, test.inputs)["activity"]) - truth) < 0.5 * np.std(truth)
    strange = fingerprints(["FC(F)(F)c1ccc(Cl)c(S(=O)(=O)N2CCOCC2)c1"])
    known = task.truth("train").inputs[:5]
    assert predict_spread(fitted, strange)["activity"][0] > max(predict_spread(fitted, known)["activity"])


def test_any_order_of_the_atoms_gives_the_same_fingerprints_and_mirror_images_differ():
    from rdkit import Chem

    molecule = Chem.MolFromSmiles("C[C@H](N)C(=O)Oc1ccccc1F")
    one, *others = fingerprints([Chem.MolToSmiles(molecule, doRandom=True) for _ in range(5)])
    for other in others:
        assert all(np.array_equal(one[name], other[name]) for name in one.values)
    mirror = fingerprints(["C[C@@H](N)C(=O)Oc1ccccc1F"])[0]
    assert not np.array_equal(one["circular"], mirror["circular"])


def test_rows_that_cannot_be_used_are_named_and_the_rest_goes_on(tmp_path):
    path = tmp_path / "faulty.csv"
    path.write_text(
        "smiles,value,split\nCCO,5.0,train\nC1CC,6.0,train\nCCN,,train\nCCN,nan,test\nc1ccccc1,7,train\n"
        "C1=CC=CC=C1,9,train\nCC(C)O,4.0,train\nOC(C)C,4.4,train\nCCCl,6,train\nClCC,6.2,test\n,3,train\n"
    )
    said = []
    table = read_compounds(path, say=said.append)
    assert dict(zip(table.smiles, table.value)) == {"CCO": 5.0, "CC(C)O": pytest.approx(4.2), "ClCC": 6.2}
    assert table.left_out == {
        "SMILES that cannot be read": (3, 12),
        "no value": (4, 5),
        "copies whose values differ by more than 1": (6, 7),
        "training copy of a test molecule": (10,),
    }
    assert any("line 3, 12" in line for line in said)


def test_splits_follow_the_table_and_share_no_scaffold_where_asked(table):
    task = Activity(data=table)
    sizes = [len(task.truth(s)) for s in SPLITS]
    assert sum(sizes) == 60 and sizes[3] == 12
    assert not any("cliffs" in shift.values for shift in task.shifts)
    apart = Activity(data="crippen", division="scaffold", judged_on="scaffolds")
    assert len(apart.truth("test")) == len(Activity(data="crippen", division="scaffold").truth("test"))


@pytest.mark.parametrize(
    ("settings", "hint"),
    [
        ({"data": "CHEMBL204"}, "CHEMBL204_Ki"),
        ({"data": "nowhere.csv"}, "no file"),
        ({"division": "scafold"}, "scaffold"),
        ({"calibration": 0.9}, "calibration"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, hint):
    with pytest.raises(Invalid, match=hint):
        Activity(**settings).truth("train")


def test_tables_without_the_columns_or_rows_are_refused(tmp_path, table):
    for text, hint in [
        ("molecule_name,value\nx,1\n", "SMILES"),
        ("smiles,colour\nC,red\n", "column of values"),
        ("smiles,value\n", "header only"),
        ("smiles,value\nxx,1\n", "none in"),
        ("smiles,value,split\nC,1,train\nCC,1,held\n", "train or test"),
    ]:
        (tmp_path / "bad.csv").write_text(text)
        with pytest.raises(Invalid, match=hint):
            read_compounds(tmp_path / "bad.csv")
    with pytest.raises(Invalid, match="value"):
        read_compounds(table, column="valu")
    with pytest.raises(Invalid, match="circular"):
        GaussianProcess(kinds=("circle",)).fit(Activity(data=table), BUDGET, key=KEY)


def test_a_table_of_smiles_gets_predictions_beside_its_own_columns(tmp_path):
    from erlangen.study.predict import predict as predict_file
    from erlangen.study.run import run

    lines = ["C" * n + f"O,{0.4 * n - 1.0}" for n in range(1, 25)]
    (tmp_path / "train.csv").write_text("smiles,value\n" + "\n".join(lines) + "\n")
    task = Activity(data=str(tmp_path / "train.csv"))
    kept = run(task, SVM(costs=(10.0,), gammas=(0.03,)), budget="1s", runs=tmp_path / "runs", quiet=True)
    (tmp_path / "new.csv").write_text("name,SMILES\na,CCCCCO\nb,C1CC\nc,CCCCCCO\n")
    done = predict_file(kept.folder, tmp_path / "new.csv")
    head, *rows = done.path.read_text().splitlines()
    assert head == "name,SMILES,predicted_activity" and done.count == 2
    assert rows[1] == "b,C1CC," and float(rows[0].split(",")[2]) < float(rows[2].split(",")[2])
    before = done.path.read_bytes()
    with pytest.raises(Invalid, match="names of the predictions are free"):
        predict_file(kept.folder, done.path)
    assert done.path.read_bytes() == before and not (tmp_path / "new.predicted.predicted.csv").exists()


def test_columns_and_groups_named_behind_a_table(tmp_path):
    """A series of molecules lies in one split; the columns are called what the author called them."""
    file = tmp_path / "assay.csv"
    lines = [f"{'C' * (1 + i)}{end},{i},s{i}" for i in range(12) for end in ("O", "N", "F")]
    file.write_text("\n".join(["molecule_text,dG,series", *lines]) + "\n")
    task = Activity(data=f"{file}:smiles=molecule_text:value=dG:group=series")
    values = [{float(v) for v in task.truth(split).outputs["activity"]} for split in SPLITS]
    assert sum(map(len, values)) == 12 and sum(len(task.truth(split)) for split in SPLITS) == 36
    assert task.partition.how == "whole groups of series"
    with pytest.raises(Invalid, match=r"the column of groups in assay.csv.*'serie'.*Did you mean: series"):
        Activity(data=f"{file}:smiles=molecule_text:value=dG:group=serie").truth("train")
    with pytest.raises(Invalid, match=r"a word behind .*'smile'.*Did you mean: smiles"):
        Activity(data=f"{file}:smile=molecule_text").truth("train")
    with pytest.raises(Invalid, match=r"no file .*asay.csv.*Did you mean: assay.csv"):
        Activity(data=str(tmp_path / "asay.csv")).truth("train")
