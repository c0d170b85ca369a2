"""What a DICOM file says about what it shows: a breast, or another part of the body."""

from __future__ import annotations

from pydicom.dataset import Dataset

from imaging.dicom.optional import items, number, value_of, words
from imaging.picture import Objection

_OTHER = "The file says that it shows another part of the body ({part}), not a breast."
_HEART_RATE = "The file gives a heart rate, as pictures of the heart do, not of a breast."
_PROBE = "The file names a probe ({probe}) that is not used for a breast."
_CLASS = "The file says that it is {kind}, not an ultrasound picture."
A_MAN = "The file says that this is a man; the networks learned from breasts of women."

# PS3.16 CID 4 and words that scanners write in their place, letters only; what may hold a breast is absent.
_PARTS = {
    "ABDOMEN", "ABDOMENPELVIS", "ANKLE", "ANUS", "AORTA", "ARM", "BILIARYTRACT", "BLADDER", "BRAIN",
    "CALCANEUS", "CALF", "CARDIAC", "CAROTID", "CAROTIDARTERY", "CERVIX", "CSPINE", "CTSPINE", "ELBOW",
    "ESOPHAGUS", "EXTREMITY", "EYE", "FACE", "FEMUR", "FETAL", "FETALHEART", "FETUS", "FINGER", "FOOT",
    "FOREARM", "GALLBLADDER", "GROIN", "HAND", "HEAD", "HEADNECK", "HEART", "HIP", "HUMERUS", "INGUINAL", "JAW",
    "KIDNEY", "KIDNEYS", "KNEE", "LARYNX", "LEG", "LIVER", "LOWEREXTREMITY", "LSPINE", "LUNG", "LUNGS", "NECK",
    "NECKCHEST", "OBSTETRIC", "OVARIES", "OVARY", "PANCREAS", "PAROTID", "PELVIS", "PENIS", "PLACENTA",
    "PROSTATE", "RECTUM", "RENAL", "SALIVARYGLAND", "SCROTUM", "SHOULDER", "SKULL", "SPINE", "SPLEEN",
    "STOMACH", "TESTES", "TESTICLE", "TESTIS", "THIGH", "THUMB", "THYROID", "THYROIDGLAND", "TIBIA", "TOE",
    "TSPINE", "UPPEREXTREMITY", "URETER", "URETHRA", "URINARYBLADDER", "UTERUS", "VAGINA", "WRIST",
}  # fmt: skip
_NAMES = {"FETALHEART": "fetal heart", "URINARYBLADDER": "bladder", "THYROIDGLAND": "thyroid", "CSPINE": "spine",
          "TSPINE": "spine", "LSPINE": "spine", "CTSPINE": "spine", "CARDIAC": "heart", "RENAL": "kidney"}  # fmt: skip
# PS3.16 CID 4: SNOMED CT and, before it, SNOMED RT.
_CODES = {
    "80891009": "heart", "T-32000": "heart", "69748006": "thyroid", "T-B6000": "thyroid", "818983003": "abdomen",
    "818981001": "abdomen", "113345001": "abdomen", "T-D4000": "abdomen", "10200004": "liver", "T-62000": "liver",
    "64033007": "kidney", "T-71000": "kidney", "12921003": "pelvis", "T-D6000": "pelvis", "816092008": "pelvis",
    "35039007": "uterus", "T-83000": "uterus", "15497006": "ovary", "T-87000": "ovary", "83418008": "fetus",
    "T-F1100": "fetus", "41216001": "prostate", "T-92000": "prostate", "89837001": "bladder", "T-74000": "bladder",
    "28231008": "gallbladder", "T-63000": "gallbladder", "15776009": "pancreas", "T-65000": "pancreas",
    "78961009": "spleen", "T-C3000": "spleen", "45048000": "neck", "T-D1600": "neck", "69536005": "head",
    "T-D1100": "head", "12738006": "brain", "T-A0100": "brain", "81745001": "eye", "T-AA000": "eye",
    "39607008": "lung", "T-28000": "lung", "40689003": "testis", "T-94000": "testis", "20233005": "scrotum",
    "T-98000": "scrotum", "15825003": "aorta", "T-42000": "aorta", "69105007": "carotid artery",
    "T-45010": "carotid artery", "16982005": "shoulder", "T-D2220": "shoulder", "72696002": "knee", "T-D9200": "knee",
    "74670003": "wrist", "8205005": "wrist", "T-D8700": "wrist", "85562004": "hand", "T-D8800": "hand",
    "70258002": "ankle", "344001": "ankle", "T-D9500": "ankle", "56459004": "foot", "T-D9700": "foot",
    "127949000": "elbow", "T-D8300": "elbow", "24136001": "hip", "29836001": "hip", "T-D2500": "hip",
}  # fmt: skip
# PS3.3 C.8.5.6.1.1, value 3 of Image Type: what the examination was set for.
_EXAMINATIONS = {
    "ABDOMINAL": "abdomen", "ENDOCAVITARY": "a body cavity", "ENDORECTAL": "rectum", "ENDOVAGINAL": "vagina",
    "EPICARDIAL": "heart", "FETAL HEART": "fetal heart", "GYNECOLOGY": "pelvis", "INTRACARDIAC": "heart",
    "INTRAVASCULAR": "vessels", "MUSCULOSKELETAL": "joints and muscles", "NEONATAL HEAD": "head of a newborn",
    "OB": "fetus", "OBSTETRICAL": "fetus", "OPHTHALMIC": "eye", "PELVIC": "pelvis", "RETROPERITONEAL": "kidney",
    "SCROTAL": "scrotum", "TEE": "heart", "THYROID": "thyroid", "TRANSCRANIAL": "brain", "TRANSESOPHAGEAL": "heart",
    "CARDIAC": "heart", "VASCULAR": "vessels", "PROSTATE": "prostate", "RENAL": "kidney",
}  # fmt: skip
_PROBES = {
    "SECTOR_PHASED": "phased sector", "SECTOR_MECH": "mechanical sector", "SECTOR_ANNULAR": "annular sector",
    "VECTOR_PHASED": "phased sector", "IV_PHASED": "intravascular", "IV_ROT XTAL": "intravascular",
    "IV_ROT MIRROR": "intravascular", "ENDOCAV_PA": "endocavitary", "ENDOCAV_MECH": "endocavitary",
    "ENDOCAV_CLA": "endocavitary", "ENDOCAV_AA": "endocavitary", "ENDOCAV_LINEAR": "endocavitary",
}  # fmt: skip
_IMAGES = "1.2.840.10008.5.1.4.1.1."
_CLASSES = {
    "1": "a radiograph", "1.1": "a radiograph", "1.1.1": "a radiograph", "1.2": "a mammogram", "1.2.1": "a mammogram",
    "1.3": "a dental radiograph", "2": "a CT slice", "2.1": "a CT slice", "4": "an MR slice", "4.1": "an MR slice",
    "6.2": "a volume of ultrasound", "12.1": "an X-ray angiogram", "12.2": "a fluoroscopy", "13.1.3": "a tomosynthesis",
    "20": "a nuclear picture", "128": "a PET slice", "14.1": "an intravascular tomogram",
    "14.2": "an intravascular tomogram",
}  # fmt: skip


def objection_of(dataset: Dataset) -> Objection | None:
    """What the file says that makes it no ultrasound picture of a breast, None where nothing speaks against it.

    Only words and codes that are known here are ever repeated: the others are text that somebody else wrote.
    """
    kind = _class_of(str(value_of(dataset, "SOPClassUID") or "").strip())
    if kind is not None:
        return Objection("not_ultrasound", _CLASS.format(kind=kind))
    part = _part_of(dataset)
    if part is not None:
        return Objection("other_organ", _OTHER.format(part=part))
    probe = next((_PROBES[word] for word in words(dataset, "TransducerType") if word in _PROBES), None)
    if probe is not None:
        return Objection("other_organ", _PROBE.format(probe=probe))
    if (number(dataset, "HeartRate") or 0.0) > 0:
        return Objection("other_organ", _HEART_RATE)
    return None


def notices_of(dataset: Dataset) -> tuple[str, ...]:
    """What the reader of the answer should know: a man's breast is read, though the networks hardly know any."""
    return (A_MAN,) if words(dataset, "PatientSex") == ("M",) else ()


def _class_of(uid: str) -> str | None:
    if not uid.startswith(_IMAGES):
        return None
    number_in_class = uid.removeprefix(_IMAGES)
    return "a photograph" if number_in_class.startswith("77.1.") else _CLASSES.get(number_in_class)


def _part_of(dataset: Dataset) -> str | None:
    """The part of the body by Body Part Examined, Anatomic Region Sequence or Image Type, where it is no breast."""
    parts = [_part(word) for word in words(dataset, "BodyPartExamined")]
    for item in items(dataset, "AnatomicRegionSequence"):
        parts += [_CODES.get(word) for word in words(item, "CodeValue")]
        parts += [_part(word) for word in words(item, "CodeMeaning")]
    parts += [_EXAMINATIONS.get(word) for word in words(dataset, "ImageType")[2:3]]
    return next((part for part in parts if part is not None), None)


def _part(word: str) -> str | None:
    plain = "".join(letter for letter in word if letter.isalpha())
    return _NAMES.get(plain, plain.lower()) if plain in _PARTS else None
