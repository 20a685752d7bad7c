"""What operators watch of explanations."""

from prometheus_client import Counter, Histogram

EVIDENCE_PARTS = Counter(
    "luminalog_evidence_parts", "Parts of evidence that were asked for, by status.", ["part", "status"]
)
EVIDENCE_SECONDS = Histogram(
    "luminalog_evidence_seconds",
    "Gathering the evidence of an error group.",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2, 3, 4, 5, 6, 8),
)
MODEL_QUESTIONS = Counter("luminalog_model_questions", "Questions to the model, by how they ended.", ["status"])
MODEL_TOKENS = Counter("luminalog_model_tokens", "Tokens that questions and answers came to.", ["direction"])
MODEL_SECONDS = Histogram(
    "luminalog_model_seconds", "Until the model had answered.", buckets=(0.5, 1, 2, 5, 10, 20, 30, 60)
)
