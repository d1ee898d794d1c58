"""A kind of question that the package does not know: in which order?"""

import abc

from erlangen.contract import Answer, Task


class Order(Answer):
    @abc.abstractmethod
    def order(self, items):
        """Place of every item, from 0."""


class Ranking(Task):
    measure = "ranking"

    @property
    def answer(self):
        return Order

    @abc.abstractmethod
    def lists(self, split):
        """[(items, true order)]."""
