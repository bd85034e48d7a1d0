"""A training with early stopping, and its scores on other patients."""

from matplotlib import pyplot as plt
from sklearn.model_selection import GroupShuffleSplit
from sklearn.pipeline import Pipeline

from skheart import CNNClassifier, SpectrogramTransformer
from skheart.datasets import make_heart_sounds
from skheart.inspection import (
    CalibrationByPatientDisplay,
    PatientRocDisplay,
    TrainingDisplay,
)

sounds = make_heart_sounds(300, random_state=0)
X, y, patients = sounds.data, sounds.target, sounds.groups
split = GroupShuffleSplit(1, test_size=0.5, random_state=0)
train, test = next(split.split(X, y, patients))
pipeline = Pipeline(
    [
        ("spectrogram", SpectrogramTransformer(duration=5.0)),
        ("cnn", CNNClassifier(epochs=16, patience=10, random_state=1)),
    ]
)
pipeline.fit(X[train], y[train], cnn__groups=patients[train])

figure, axes = plt.subplots(1, 3, figsize=(12, 3.9), layout="constrained")
TrainingDisplay.from_estimator(pipeline).plot(axes[0])
others = X[test], y[test], patients[test]
PatientRocDisplay.from_estimator(pipeline, *others, random_state=0).plot(axes[1])
CalibrationByPatientDisplay.from_estimator(pipeline, *others).plot(axes[2])
