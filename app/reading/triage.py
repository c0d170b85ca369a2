"""From findings to what a person should do next. Pure: a table of rules, tested as a table."""

from __future__ import annotations

from dataclasses import dataclass

from app.categories import CLEAR, DECLINED, FAILED, PROMPT, ROUTINE, UNSURE, URGENCY
from app.inference.results import Findings


@dataclass(frozen=True)
class Words:
    """What a page says for a category: heading, one sentence on the why, and the steps to take."""

    heading: str
    summary: str
    steps: tuple[str, ...]


_SYMPTOMS = "A new lump, a change of skin or nipple, or discharge goes to a doctor, whatever this page says."

WORDS: dict[str, Words] = {
    PROMPT: Words(
        "A doctor should look at this soon",
        "To the program this picture resembles pictures that doctors usually examine further. That is not a finding "
        "of cancer; only an examination can tell.",
        (
            "Book a breast clinic or your family doctor within days, and bring the picture.",
            "Ask for the original pictures on a disc or as a download; they show more than one image does.",
            _SYMPTOMS,
        ),
    ),
    ROUTINE: Words(
        "Signs that are usually not cancer",
        "The program outlines something, and the picture resembles pictures that usually turn out harmless. One "
        "picture can't settle it.",
        (
            "Show the picture at your next appointment.",
            "Go sooner when you have symptoms, or when what you feel changes.",
            _SYMPTOMS,
        ),
    ),
    CLEAR: Words(
        "The program found no lesion in this picture",
        "One picture shows a small part of the breast and can't rule anything out. The program learned from few "
        "devices, and it overlooks more on others.",
        (
            "When the picture was taken because of something felt or seen, a doctor or sonographer has to read it.",
            "Keep to your screening appointments.",
            _SYMPTOMS,
        ),
    ),
    UNSURE: Words(
        "The program can't tell",
        "This picture could belong to more than one group, or the program outlined something on a picture that "
        "otherwise resembles those without a lesion, or the picture differs from those that it learned from. A person "
        "has to read it.",
        ("Have a doctor or sonographer read the picture.", _SYMPTOMS),
    ),
    DECLINED: Words(
        "This picture can't be used",
        "The program reads single grey-scale breast ultrasound pictures, and this does not look like one.",
        (
            "Export one still picture from the ultrasound device, without colour Doppler and without several panels.",
            "A photo of a screen or of a print is often too poor: ask for the file itself.",
            _SYMPTOMS,
        ),
    ),
    FAILED: Words(
        "Something went wrong on our side",
        "Your picture is kept. The program tried to read it three times and failed each time.",
        (
            "Ask whoever runs this server to have it read again, and name the reference on this page.",
            "Don't wait for this page when you have symptoms.",
            _SYMPTOMS,
        ),
    ),
}


@dataclass(frozen=True)
class Decision:
    """A category and the rule that led to it, in words fit to be shown."""

    category: str
    because: str

    @property
    def words(self) -> Words:
        return WORDS[self.category]

    @property
    def urgency(self) -> int:
        return URGENCY[self.category]


def decide(findings: Findings, malignant_threshold: float) -> Decision:
    """Apply the rules, top to bottom; the first that fits decides.

    Args:
        malignant_threshold: the shipped operating point, a calibrated probability in 0..1 chosen for sensitivity.
    """
    plausible = set(findings.plausible)
    if findings.probabilities.malignant >= malignant_threshold:
        return Decision(
            PROMPT, "The program leans to 'malignant' at least as strongly as the level chosen to miss few cancers."
        )
    if findings.is_out_of_distribution:
        return Decision(UNSURE, "The picture differs from those that the program learned from.")
    if "malignant" in plausible:
        return Decision(PROMPT, "The program can't exclude the group 'malignant' for this picture.")
    if plausible == {"benign"}:
        return Decision(ROUTINE, "Only the group 'benign' fits this picture.")
    if plausible == {"normal"} and findings.lesion is None:
        return Decision(CLEAR, "No lesion was outlined, and only the group 'normal' fits this picture.")
    if plausible == {"normal"}:
        return Decision(UNSURE, "Only the group 'normal' fits this picture, and yet the program outlined an area.")
    return Decision(UNSURE, "More than one group fits this picture.")
