"""Measuring files, one for each kind of question: what is written into the record of a fit.

    describe(task, record, say)          before the fit: what the data are, where there are any
    measure(finished) -> arrays          after it: scores, certificate, intervals, shifts, solvers, cost

`Task.measure` names the file. A kind of question from elsewhere brings its own: ``measures/<name>.py`` in a folder of
ERLANGEN_PATH, beside ``tasks`` and ``methods``.
"""
