"""Losses for training networks, on logits."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import losses, ops

from skheart._core.checks import check_number, check_option

__all__ = ["AUROCLoss"]


@keras.saving.register_keras_serializable(package="skheart")
class AUROCLoss(losses.Loss):
    r"""A differentiable approximation of 1 − AUROC over the pairs of a batch.

    The area under the ROC is the share of pairs of one positive and one negative
    recording in which the positive has the higher score (a tie counts half). Counting
    has no gradient, so each pair has a smooth cost instead that depends on the
    difference of the two scores, and the weighted mean over all pairs is the loss.

    Parameters
    ----------
    surrogate : {"sigmoid", "squared_hinge"}, default="sigmoid"
        Cost of a pair whose score difference is :math:`d`: the sigmoid
        :math:`1 / (1 + e^{d / temperature})` or
        :math:`\max(0, margin - d)^2`.
    temperature : float, default=1.0
        Width of the sigmoid, in units of the score. Towards 0 the loss tends to
        1 − AUROC exactly, and its gradient vanishes.
    margin : float, default=1.0
        Score difference from which a pair costs nothing with the squared hinge.
    name : str, default="auroc_loss"
        Name of the loss.

    Notes
    -----
    Called with `y_true` of shape (n, 1) or (n, n_classes), one column for a positive
    class, holding 0 and 1, and `y_pred` of the same shape: logits. With several columns
    the loss is the mean of one-versus-rest over the columns for which the batch holds
    pairs. Without any pair the loss and its gradient are 0, so batches should hold both
    classes; :class:`~skheart.CNNClassifier` draws such batches. A pair's weight is the
    product of its two sample weights.

    The value does not change when a constant is added to all scores: it trains a
    ranking, not probabilities or a threshold.

    References
    ----------
    .. [1] J. A. Hanley, B. J. McNeil, "The meaning and use of the area under a receiver
       operating characteristic (ROC) curve", Radiology 143(1), 1982,
       doi:10.1148/radiology.143.1.7063747.
    .. [2] L. Yan, R. Dodier, M. C. Mozer, R. Wolniewicz, "Optimizing classifier
       performance via an approximation to the Wilcoxon-Mann-Whitney statistic", ICML,
       2003 (the hinge).
    .. [3] A. Herschtal, B. Raskutti, "Optimising area under the ROC curve using
       gradient descent", ICML, 2004, doi:10.1145/1015330.1015366 (the sigmoid).

    Examples
    --------
    >>> from skheart.neural import AUROCLoss
    >>> loss = AUROCLoss(temperature=1e-3)
    >>> round(float(loss([[0], [0], [1], [1]], [[0.1], [0.4], [0.35], [0.8]])), 3)
    0.25
    """

    def __init__(
        self,
        *,
        surrogate: str = "sigmoid",
        temperature: float = 1.0,
        margin: float = 1.0,
        name: str = "auroc_loss",
    ) -> None:
        check_option("surrogate", surrogate, ("sigmoid", "squared_hinge"))
        check_number("temperature", temperature)
        check_number("margin", margin)
        super().__init__(name=name)
        self.surrogate = surrogate
        self.temperature = temperature
        self.margin = margin

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Compute the loss of a batch, a scalar."""
        scores = ops.cast(ops.convert_to_tensor(y_pred), "float32")
        scores = ops.reshape(scores, (ops.shape(scores)[0], -1))
        positive = ops.reshape(ops.cast(y_true, "float32"), ops.shape(scores))
        negative = 1 - positive
        if sample_weight is not None:
            weight = ops.reshape(ops.cast(sample_weight, "float32"), (-1, 1))
            positive, negative = weight * positive, weight * negative
        difference = ops.expand_dims(scores, 1) - ops.expand_dims(scores, 0)
        if self.surrogate == "sigmoid":
            cost = ops.sigmoid(-difference / self.temperature)
        else:
            cost = ops.square(ops.relu(self.margin - difference))
        pairs = ops.expand_dims(positive, 1) * ops.expand_dims(negative, 0)
        total = ops.sum(pairs, axis=(0, 1))
        has_pairs = ops.cast(total > 0, "float32")
        # Where there are no pairs the sum is 0 too: dividing it by 1 keeps gradients
        # finite, which a division by 0 masked afterwards would not.
        by_class = ops.sum(pairs * cost, axis=(0, 1)) / (total + 1 - has_pairs)
        return ops.sum(by_class) / ops.maximum(ops.sum(has_pairs), 1.0)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the loss of a batch without weights, a scalar."""
        return self(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Return the keyword arguments that `from_config` needs to build this loss."""
        return {
            "surrogate": self.surrogate,
            "temperature": self.temperature,
            "margin": self.margin,
            "name": self.name,
        }


def resolve_loss(loss: Any, n_classes: int) -> Any:
    """Return the loss on logits that a `loss` parameter means.

    `loss` is a name, a loss of Keras or a function. A copy of a loss of Keras has
    `from_logits` on, where it has this setting.
    """
    given = loss
    if isinstance(loss, str):
        loss = _by_name(loss, n_classes)
    if inspect.isfunction(loss) and _of_keras(loss):
        # Keras has a class for each of its functions, with a `from_logits` setting.
        loss = _KERAS_LOSSES.get(_key(loss.__name__), loss)
    if inspect.isclass(loss):
        loss = loss()
    if not callable(loss):
        raise ValueError(
            f"loss must be a name, a Keras loss or a function, got {loss!r}."
        )
    settings: dict[str, Any] = {}
    if _of_keras(loss) and isinstance(loss, losses.Loss):
        settings = loss.get_config()
    if "from_logits" in settings:
        loss = type(loss).from_config({**settings, "from_logits": True})
    elif _of_keras(loss) and not isinstance(loss, _WITHOUT_PROBABILITIES):
        raise ValueError(
            f"loss={given!r} works on probabilities, but networks give logits; use "
            '"crossentropy", "auroc" or another loss that takes logits.'
        )
    if n_classes > 2 and isinstance(loss, _BINARY):
        raise ValueError(
            f"loss={given!r} needs two classes, y has {n_classes}; use "
            'loss="crossentropy".'
        )
    return loss


def n_outputs(loss: Any, n_classes: int) -> int:
    """Return the number of logits: one for two classes, unless the loss needs both."""
    return n_classes if n_classes > 2 or isinstance(loss, _CATEGORICAL) else 1


def takes_codes(loss: Any) -> bool:
    """Return whether a loss takes class numbers, not one column for each class."""
    return isinstance(loss, losses.SparseCategoricalCrossentropy)


def gives_probabilities(loss: Any) -> bool:
    """Return whether training with a loss makes the logits those of probabilities.

    This holds for cross-entropy only: focal losses are no proper scores, and others
    train a ranking, a margin or a distance.
    """
    return isinstance(loss, _CROSS_ENTROPIES)


def _by_name(name: str, n_classes: int) -> Any:
    if name == "auroc":
        return AUROCLoss
    if name == "crossentropy":
        name = "binary_crossentropy" if n_classes == 2 else "categorical_crossentropy"
    try:  # Keras knows short names, such as "bce"
        return _KERAS_LOSSES.get(_key(name)) or losses.get(name)
    except ValueError:
        raise ValueError(
            'loss must be "auroc", "crossentropy", the name of a Keras loss, a '
            f"keras.losses.Loss or a function, got {name!r}."
        ) from None


def _key(name: str) -> str:
    return name.replace("_", "").lower()


def _of_keras(loss: Any) -> bool:
    kind = loss if inspect.isfunction(loss) else type(loss)
    return kind.__module__.startswith("keras.")


_KERAS_LOSSES = {
    _key(name): kind
    for name, kind in vars(losses).items()
    if inspect.isclass(kind) and kind is not losses.Loss
}
_BINARY = (losses.BinaryCrossentropy, losses.BinaryFocalCrossentropy)
_CATEGORICAL = (
    losses.CategoricalCrossentropy,
    losses.CategoricalFocalCrossentropy,
    losses.CategoricalHinge,
    losses.SparseCategoricalCrossentropy,
)
_CROSS_ENTROPIES = (
    losses.BinaryCrossentropy,
    losses.CategoricalCrossentropy,
    losses.SparseCategoricalCrossentropy,
)
_WITHOUT_PROBABILITIES = (
    losses.CategoricalHinge,
    losses.Hinge,
    losses.Huber,
    losses.LogCosh,
    losses.MeanAbsoluteError,
    losses.MeanSquaredError,
    losses.SquaredHinge,
)
