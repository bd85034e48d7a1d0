"""Losses for training networks, on logits."""

from __future__ import annotations

import inspect
from typing import Any

import keras
from keras import ops

from skheart._checks import check_number, check_option

__all__ = ["AUROCLoss"]


@keras.saving.register_keras_serializable(package="skheart")
class AUROCLoss(keras.losses.Loss):
    r"""A differentiable approximation of 1 − AUROC over the pairs of a batch.

    The area under the ROC is the share of pairs of one positive and one negative
    recording in which the positive has the higher score (a tie counts half). Counting
    has no gradient, so each pair is given a smooth price instead that depends on the
    difference of the two scores, and the weighted mean over all pairs is the loss.

    Parameters
    ----------
    surrogate : {"sigmoid", "squared_hinge"}, default="sigmoid"
        Price of a pair whose score difference is :math:`d`: the sigmoid
        :math:`1 / (1 + e^{d / temperature})` or
        :math:`\max(0, margin - d)^2`.
    temperature : float, default=1.0
        Width of the sigmoid, in units of the score. As it falls to 0 the loss tends to
        1 − AUROC exactly, and its gradient vanishes.
    margin : float, default=1.0
        Score difference from which the squared hinge is satisfied with a pair.
    name : str, default="auroc_loss"
        Name of the loss.

    Notes
    -----
    Called with `y_true` of shape (n, 1) or (n, n_classes), one column for a positive
    class, holding 0 and 1, and `y_pred` of the same shape: logits. With several columns
    the loss is the mean of one-versus-rest over the columns for which the batch holds
    pairs. Without any pair the loss and its gradient are 0, so that batches should hold
    both classes; :class:`~skheart.CNNClassifier` draws them so. A pair's weight is the
    product of its two sample weights.

    The value does not change when a constant is added to all scores: it trains a
    ranking, and says nothing of probabilities or of a threshold.

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
    >>> from skheart.losses import AUROCLoss
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
            price = ops.sigmoid(-difference / self.temperature)
        else:
            price = ops.square(ops.relu(self.margin - difference))
        pairs = ops.expand_dims(positive, 1) * ops.expand_dims(negative, 0)
        total = ops.sum(pairs, axis=(0, 1))
        has_pairs = ops.cast(total > 0, "float32")
        # Where there are no pairs the sum is 0 too: dividing it by 1 keeps gradients
        # finite, which a division by 0 masked afterwards would not.
        by_class = ops.sum(pairs * price, axis=(0, 1)) / (total + 1 - has_pairs)
        return ops.sum(by_class) / ops.maximum(ops.sum(has_pairs), 1.0)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Compute the loss of a batch without weights, a scalar."""
        return self(y_true, y_pred)

    def get_config(self) -> dict[str, Any]:
        """Give what `from_config` needs to make this loss again."""
        return {
            "surrogate": self.surrogate,
            "temperature": self.temperature,
            "margin": self.margin,
            "name": self.name,
        }


def resolve_loss(loss: Any, n_classes: int) -> keras.losses.Loss:
    """Give the Keras loss on logits that a `loss` parameter means.

    Parameters
    ----------
    loss : str, keras.losses.Loss or callable
        ``"auroc"``, ``"crossentropy"``, or a Keras loss by name, instance or function.
    n_classes : int
        Number of classes.

    Returns
    -------
    loss : keras.losses.Loss or callable
        A new object where the loss has settings. Losses with a `from_logits` setting
        have it on.

    Raises
    ------
    ValueError
        If there is no loss of that name, or it cannot be used with that many classes.
    """
    if loss == "auroc":
        return AUROCLoss()
    if loss == "crossentropy":
        loss = "binary_crossentropy" if n_classes == 2 else "categorical_crossentropy"
    given = loss
    if isinstance(loss, str):
        # Only the classes can be told about logits; snake_case names give functions.
        camel = "".join(word[:1].upper() + word[1:] for word in loss.split("_"))
        loss = getattr(keras.losses, camel, None) or _by_name(loss)
    if inspect.isclass(loss):
        loss = loss()
    if not callable(loss):
        raise ValueError(
            f"loss must be a name, a Keras loss or a function, got {loss}."
        )
    if isinstance(loss, keras.losses.Loss):
        config = loss.get_config()
        if "from_logits" in inspect.signature(type(loss)).parameters:
            config["from_logits"] = True
        loss = type(loss).from_config(config)
    if n_classes > 2 and isinstance(loss, keras.losses.BinaryCrossentropy):
        raise ValueError(
            f"loss={given!r} needs two classes, y has {n_classes}; use "
            'loss="crossentropy".'
        )
    return loss


def _by_name(name: str) -> Any:
    try:
        return keras.losses.get(name)
    except ValueError:
        raise ValueError(
            'loss must be "auroc", "crossentropy", the name of a Keras loss, a '
            f"keras.losses.Loss or a function, got {name!r}."
        ) from None
