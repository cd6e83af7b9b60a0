"""Made-up documents of a visit that point at its images: reports, key object selections, presentation states, a PDF."""

from __future__ import annotations

import random
from collections.abc import Sequence

from pydicom.dataset import Dataset
from pydicom.uid import UID

from tests.scorecard import phrases
from tests.scorecard.people import Visit
from tests.scorecard.place import Place, Step, at
from tests.scorecard.planting import fitting, fresh_uid
from tests.scorecard.rows import Rows, put

BASIC_TEXT = "1.2.840.10008.5.1.4.1.1.88.11"
COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"
KEY_OBJECTS = "1.2.840.10008.5.1.4.1.1.88.59"
GRAYSCALE_STATE = "1.2.840.10008.5.1.4.1.1.11.1"
PDF = "1.2.840.10008.5.1.4.1.1.104.1"
_CONTENT = at("ContentSequence")[0].tag


def make_report(visit: Visit, images: Sequence[Dataset], rng: random.Random, rows: Rows) -> Dataset:
    """A structured report with names in its text, its observer and its nested items."""
    dataset = _document(images[0], "SR", rng.choice([BASIC_TEXT, COMPREHENSIVE]), rng)
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [_code("18748-4", "LN", "Diagnostic imaging report")]
    dataset.CompletionFlag, dataset.VerificationFlag = "COMPLETE", "VERIFIED"
    _evidence(dataset, images)
    items = [_item("PNAME", "HAS OBS CONTEXT", ("121008", "DCM", "Person Observer Name"), PersonName=visit.reader)]
    for code in (("121060", "DCM", "History"), ("121071", "DCM", "Finding"), ("121077", "DCM", "Conclusion")):
        items.append(_item("TEXT", "CONTAINS", code, TextValue=""))
    moment = f"{visit.day:%Y%m%d}101500"
    items.append(_item("DATETIME", "HAS OBS CONTEXT", ("121125", "DCM", "DateTime of Recording"), DateTime=moment))
    items.append(_item("DATE", "HAS OBS CONTEXT", ("111060", "DCM", "Study Date"), Date=f"{visit.day:%Y%m%d}"))
    items.append(_item("UIDREF", "HAS OBS CONTEXT", ("121018", "DCM", "Study UID"), UID=images[0].StudyInstanceUID))
    items.append(_item("IMAGE", "CONTAINS", None, ReferencedSOPSequence=[_reference(images[0])]))
    measured = _item("NUM", "CONTAINS", ("410668003", "SCT", "Length"))
    value = Dataset()
    value.NumericValue, value.MeasurementUnitsCodeSequence = "14.5", [_code("mm", "UCUM", "mm")]
    measured.MeasuredValueSequence = [value]
    inner = _item("TEXT", "HAS PROPERTIES", ("121106", "DCM", "Comment"), TextValue="")
    items.append(_item("CONTAINER", "CONTAINS", ("121070", "DCM", "Findings"), ContentSequence=[measured, inner]))
    dataset.ContentSequence = items
    rows.gone(_content(0, "PersonName"), visit.reader)
    for number in (1, 2, 3):
        _write(dataset, (number,), visit, rng, rows)
    _write(dataset, (len(items) - 1, 1), visit, rng, rows)
    observer = Dataset()
    observer.VerifyingObserverName, observer.VerifyingOrganization = visit.doctor, visit.hospital
    observer.VerificationDateTime = moment
    dataset.VerifyingObserverSequence = [observer]
    rows.gone(at("VerifyingObserverSequence", 0, "VerifyingObserverName"), visit.doctor)
    rows.gone(at("VerifyingObserverSequence", 0, "VerifyingOrganization"), visit.hospital)
    if rows.profile == "research":
        for place in (_content(7, "ReferencedSOPSequence", 0, "ReferencedSOPInstanceUID"), _content(6, "UID")):
            rows.add("tag_retained", place, why="reference")
        place = _content(len(items) - 1, "ContentSequence", 0, "MeasuredValueSequence", 0, "NumericValue")
        rows.add("text_retained", place, "14.5", why="report")
    return dataset


def make_selection(visit: Visit, images: Sequence[Dataset], rng: random.Random, rows: Rows) -> Dataset:
    """A key object selection with a description."""
    dataset = _document(images[0], "KO", KEY_OBJECTS, rng)
    dataset.ValueType, dataset.ContinuityOfContent = "CONTAINER", "SEPARATE"
    dataset.ConceptNameCodeSequence = [_code("113000", "DCM", "Of Interest")]
    _evidence(dataset, images)
    dataset.ContentSequence = [
        _item("TEXT", "CONTAINS", ("113012", "DCM", "Key Object Description"), TextValue=""),
        *(_item("IMAGE", "CONTAINS", None, ReferencedSOPSequence=[_reference(image)]) for image in images[:2]),
    ]
    _write(dataset, (0,), visit, rng, rows)
    if rows.profile == "research":
        place = _content(1, "ReferencedSOPSequence", 0, "ReferencedSOPInstanceUID")
        rows.add("tag_retained", place, why="reference")
    return dataset


def make_state(visit: Visit, images: Sequence[Dataset], rng: random.Random, rows: Rows) -> Dataset:
    """A presentation state that draws text over an image."""
    dataset = _document(images[0], "PR", GRAYSCALE_STATE, rng)
    series = Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ReferencedImageSequence = [_reference(image) for image in images[:2]]
    dataset.ReferencedSeriesSequence = [series]
    dataset.ContentLabel, dataset.PresentationLUTShape = "ARROWS", "IDENTITY"
    dataset.PresentationCreationDate, dataset.PresentationCreationTime = f"{visit.day:%Y%m%d}", "120000"
    rows.gone(put(dataset, visit.reader, "ContentCreatorName"), visit.reader)
    rows.gone(put(dataset, f"Marked for {visit.person.family}", "ContentDescription"), visit.person.family)
    text = Dataset()
    phrase = fitting(lambda: phrases.write(rng, "short", visit), dataset)
    text.UnformattedTextValue, text.AnchorPoint, text.AnchorPointVisibility = phrase.text, [12, 20], "Y"
    text.AnchorPointAnnotationUnits = "PIXEL"
    annotation = Dataset()
    annotation.GraphicLayer, annotation.TextObjectSequence = "LAYER1", [text]
    dataset.GraphicAnnotationSequence = [annotation]
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = "LAYER1", 1
    dataset.GraphicLayerSequence = [layer]
    place = at("GraphicAnnotationSequence", 0, "TextObjectSequence", 0, "UnformattedTextValue")
    for gone, whole in phrase.go:
        rows.gone(place, gone, whole=whole)
    if rows.profile == "research":
        rows.add("tag_retained", at("ReferencedSeriesSequence", 0, "SeriesInstanceUID"), why="reference")
    return dataset


def make_pdf(visit: Visit, images: Sequence[Dataset], rng: random.Random, rows: Rows) -> Dataset:
    """An encapsulated letter that names the patient: to refuse it is right."""
    dataset = _document(images[0], "DOC", PDF, rng)
    words = f"BT /F1 12 Tf 40 700 Td ({visit.person.given} {visit.person.family} {visit.person.mrn}) Tj ET"
    body = f"%PDF-1.4\n1 0 obj<</Length {len(words)}>>stream\n{words}\nendstream endobj\ntrailer<<>>\n%%EOF\n"
    content = body.encode("utf-8")
    dataset.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    dataset.MIMETypeOfEncapsulatedDocument, dataset.BurnedInAnnotation = "application/pdf", "YES"
    rows.gone(put(dataset, f"Letter about {visit.person.family}", "DocumentTitle"), visit.person.family)
    rows.gone(at("EncapsulatedDocument"), visit.person.mrn)
    return dataset


def _document(image: Dataset, modality: str, sop_class: str, rng: random.Random) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = image.SpecificCharacterSet
    dataset.SOPClassUID, dataset.SOPInstanceUID = UID(sop_class), fresh_uid(rng)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = image.StudyInstanceUID, fresh_uid(rng)
    dataset.Modality, dataset.SeriesNumber, dataset.InstanceNumber = modality, 90, 1
    dataset.Manufacturer, dataset.ContentTime = "Northwood Reporting", "110000"
    dataset.ContentDate = image.StudyDate
    return dataset


def _evidence(dataset: Dataset, images: Sequence[Dataset]) -> None:
    study, series = Dataset(), Dataset()
    series.SeriesInstanceUID = images[0].SeriesInstanceUID
    series.ReferencedSOPSequence = [_reference(image) for image in images]
    study.StudyInstanceUID, study.ReferencedSeriesSequence = images[0].StudyInstanceUID, [series]
    dataset.CurrentRequestedProcedureEvidenceSequence = [study]


def _reference(image: Dataset) -> Dataset:
    item = Dataset()
    item.ReferencedSOPClassUID, item.ReferencedSOPInstanceUID = image.SOPClassUID, image.SOPInstanceUID
    return item


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = value, scheme, meaning
    return item


def _item(kind: str, relation: str, name: tuple[str, str, str] | None, **values: object) -> Dataset:
    item = Dataset()
    item.RelationshipType, item.ValueType = relation, kind
    if name:
        item.ConceptNameCodeSequence = [_code(*name)]
    for keyword, value in values.items():
        setattr(item, keyword, value)
    return item


def _content(number: int, *rest: str | int) -> Place:
    return (Step(_CONTENT, item=number), *at(*rest))


def _write(dataset: Dataset, path: tuple[int, ...], visit: Visit, rng: random.Random, rows: Rows) -> None:
    """Give the text item at `path` of the content tree a text about the visit."""
    names: list[str | int] = [part for number in path for part in ("ContentSequence", number)]
    phrase = fitting(lambda: phrases.write(rng, "long", visit, "UT"), dataset)
    place = put(dataset, phrase.text, *names, "TextValue")
    rows.taken.add(place)
    for text, whole in phrase.go:
        rows.gone(place, text, whole=whole)
    if rows.profile == "research":
        for text in phrase.stay:
            rows.add("text_retained", place, text, why="report")
