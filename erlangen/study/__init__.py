"""From a question and a method to a record: run, judge, compare, solve, predict; folders of runs."""
