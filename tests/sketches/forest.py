"""The head of `trees`, apart from it: what is offered imports no torch."""

import numpy as np
import torch
from torch import nn


class Forest(nn.Module):
    """Scores of classes, shape (rows, classes), from trees whose nodes lie in arrays of shape (trees, nodes).

    Args:
        buffers: `left`, `right`, `feature`, `threshold` and `value` of every node, where a leaf has itself to its left
            and right; the `depth` of the trees; to which class each of the `trees` adds, shape (trees, classes); and
            the `prior` of each class.
    """

    def __init__(self, buffers):
        super().__init__()
        for name, tensor in buffers.items():
            self.register_buffer(name, tensor.clone())

    @classmethod
    def of(cls, booster):
        """What scikit-learn has grown."""
        many = [tree.tree_ for tree in booster.estimators_.flat]
        nodes = max(tree.node_count for tree in many)
        arrays = {name: np.zeros((len(many), nodes)) for name in ("left", "right", "feature", "threshold", "value")}
        for number, tree in enumerate(many):
            here, leaf = slice(tree.node_count), tree.children_left < 0
            own = np.arange(tree.node_count)
            arrays["left"][number, here] = np.where(leaf, own, tree.children_left)
            arrays["right"][number, here] = np.where(leaf, own, tree.children_right)
            arrays["feature"][number, here] = np.where(leaf, 0, tree.feature)
            arrays["threshold"][number, here] = tree.threshold
            arrays["value"][number, here] = booster.learning_rate * tree.value[:, 0, 0]
        whole = {name: torch.from_numpy(arrays[name]).long() for name in ("left", "right", "feature")}
        whole |= {name: torch.from_numpy(arrays[name]).float() for name in ("threshold", "value")}
        classes, single = len(booster.classes_), booster.estimators_.shape[1] == 1
        whole["trees"] = torch.eye(classes)[[1] * len(many) if single else [n % classes for n in range(len(many))]]
        whole["prior"] = torch.from_numpy(np.log(booster.init_.class_prior_)).float()
        whole["depth"] = torch.tensor(max(tree.max_depth for tree in many))
        return cls(whole)

    def forward(self, encoded, target=None):
        pooled = encoded["pooled"]
        tree = torch.arange(len(self.left), device=pooled.device)
        node = torch.zeros(len(pooled), len(self.left), dtype=torch.long, device=pooled.device)
        for _ in range(int(self.depth)):
            goes_left = pooled.gather(1, self.feature[tree, node]) <= self.threshold[tree, node]
            node = torch.where(goes_left, self.left[tree, node], self.right[tree, node])
        return self.prior + self.value[tree, node] @ self.trees
