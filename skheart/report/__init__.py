"""What is said about a model's answers: figures of an evaluation, and its page."""

from skheart.report.evaluation import evaluate_answers
from skheart.report.page import write_evaluation_page

__all__ = ["evaluate_answers", "write_evaluation_page"]
