"""Which of the two languages a caller reads: French unless English is clearly preferred."""

from rempart.kernel.findings import Language


def choose_language(accept_language: str) -> Language:
    """Choose from an Accept-Language header (RFC 9110 §12.5.4); what is unreadable means French."""
    best: Language = "fr"
    best_weight = 0.0
    for part in accept_language.split(",")[:10]:
        tag, _, parameters = part.strip().partition(";")
        language = tag.strip().lower().partition("-")[0]
        weight = _read_weight(parameters)
        if weight <= best_weight:
            continue
        if language == "en":
            best, best_weight = "en", weight
        elif language == "fr":
            best, best_weight = "fr", weight
    return best


def _read_weight(parameters: str) -> float:
    name, _, value = parameters.strip().partition("=")
    if name.strip() != "q":
        return 1.0
    try:
        return float(value)
    except ValueError:
        return 0.0
