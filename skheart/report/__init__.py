"""What is said about answers: of patients, figures of an evaluation, and its page."""

from skheart.report.evaluation import evaluate_answers
from skheart.report.page import write_evaluation_page
from skheart.report.patients import (
    PatientAnswers,
    measure_recordings,
    predict_patients,
)

__all__ = [
    "PatientAnswers",
    "evaluate_answers",
    "measure_recordings",
    "predict_patients",
    "write_evaluation_page",
]
