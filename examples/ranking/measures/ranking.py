"""Kendall's tau: pairs in the right order less those in the wrong one (Kendall 1938, doi:10.1093/biomet/30.1-2.81)."""

import numpy as np
from scipy.stats import kendalltau

from erlangen.assess.rows import Estimate


def describe(task, record, say):
    """Before the fit: what the data are."""
    record.data["samples"] = {"test": len(task.lists("test"))}


def measure(fit):
    """After it: rows into the record, arrays for plots."""
    taus = [kendalltau(fit.answer.order(x), true).statistic for x, true in fit.task.lists("test")]
    error = float(np.std(taus) / len(taus) ** 0.5)
    fit.record.scores = [Estimate("tau", float(np.mean(taus)), error, "1", lower_is_better=False)]
    return {"scores/tau": np.array(taus)}
