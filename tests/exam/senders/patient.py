"""A made-up patient: a DICOM file with a name, a number or a date wherever the standard has a place for one."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

from pydicom import dcmread
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence

from tests.factories import pictures

# Attributes that PS3.15 table E.1-1 has removed or replaced, by what they hold.
_TEXTS = (
    "PatientID", "IssuerOfPatientID", "OtherPatientIDs", "PatientAddress", "PatientTelephoneNumbers", "MilitaryRank",
    "EthnicGroup", "Occupation", "PatientReligiousPreference", "PatientComments", "AdditionalPatientHistory",
    "CountryOfResidence", "RegionOfResidence", "MedicalRecordLocator", "ResponsibleOrganization", "AccessionNumber",
    "InstitutionName", "InstitutionAddress", "InstitutionalDepartmentName", "ReferringPhysicianAddress",
    "ReferringPhysicianTelephoneNumbers", "StudyDescription", "SeriesDescription", "ProtocolName", "StationName",
    "DeviceSerialNumber", "StudyID", "ImageComments", "AdmissionID", "AdmittingDiagnosesDescription",
    "CurrentPatientLocation", "PerformedProcedureStepDescription", "RequestedProcedureDescription",
    "DerivationDescription", "Manufacturer", "ManufacturerModelName", "SoftwareVersions", "RequestedProcedureID",
)  # fmt: skip
_NAMES = (
    "PatientName", "OtherPatientNames", "PatientBirthName", "PatientMotherBirthName", "ResponsiblePerson",
    "ReferringPhysicianName", "PerformingPhysicianName", "OperatorsName", "PhysiciansOfRecord",
    "NameOfPhysiciansReadingStudy", "RequestingPhysician",
)  # fmt: skip
_DATES = ("PatientBirthDate", "StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AdmittingDate")
_UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "FrameOfReferenceUID", "DeviceUID")
_NESTED = ("RequestAttributesSequence", "ReferencedStudySequence", "OtherPatientIDsSequence")


@dataclass(frozen=True)
class Patient:
    """The file, and every word, number and date of it that must never be seen again."""

    content: bytes
    canaries: tuple[bytes, ...]


def patient(prefix: str = "QXK", **tags: object) -> Patient:
    """A whole ultrasound file that is read, unless `tags` say otherwise. Every text is `prefix` and a number."""
    dataset = _plain(**tags)
    words = {f"{prefix}{number:03d}": name for number, name in enumerate((*_TEXTS, *_NAMES))}
    words |= {f"19{13 + number}0907": name for number, name in enumerate(_DATES)}
    words |= {f"2.25.7135000{number}99120331": name for number, name in enumerate(_UIDS)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # longer than the standard allows, some of them
        for word, name in words.items():
            setattr(dataset, name, word)
        hidden = [*_hide_in_items(dataset, prefix), *_hide_around(dataset, prefix)]
    canaries = tuple(word.encode() for word in (*words, *hidden))
    content = pictures.written(dataset)
    assert [word for word in canaries if word not in content] == [], "a canary that is not in the file proves nothing"
    return Patient(content, canaries)


def _plain(**tags: object) -> FileDataset:
    """Read again, so that its tissue region is one more place where something can hide."""
    grey = pictures.ultrasound(4, "oval", 320, 400)
    regions = [pictures.region(0, 0, 399, 319)]
    return dcmread(io.BytesIO(pictures.dicom(grey, SequenceOfUltrasoundRegions=regions, **tags)))


def _hide_in_items(dataset: Dataset, prefix: str) -> list[str]:
    words = [f"{prefix}ITEM{number}" for number in range(len(_NESTED) + 2)]
    for name, word in zip(_NESTED, words, strict=False):
        item = Dataset()
        item.PatientName = item.StudyDescription = word
        setattr(dataset, name, Sequence([item]))
    deep = Dataset()
    deep.PatientID = words[-1]
    region = dataset.SequenceOfUltrasoundRegions[0]
    region.PatientName, region.ReferencedStudySequence = words[-2], Sequence([deep])
    return words


def _hide_around(dataset: FileDataset, prefix: str) -> list[str]:
    """In private groups, the preamble, the file meta group, and behind the pixels."""
    words = [f"{prefix}{place}" for place in ("OWNER", "PRIVATE", "BYTES", "PREAMBLE", "TITLE", "VERSION", "PADDING")]
    owner, private, raw, preamble, title, version, padding = words
    block = dataset.private_block(0x0099, owner, create=True)
    block.add_new(0x01, "LO", private)
    block.add_new(0x02, "OB", raw.encode() + b"\0" * (len(raw) % 2))
    dataset.preamble = preamble.encode().ljust(128, b"\0")
    dataset.file_meta.SourceApplicationEntityTitle = title
    dataset.file_meta.ImplementationVersionName = version
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.DataSetTrailingPadding = padding.encode() + b"\0" * (len(padding) % 2)
    return words
