"""An opened file's header as a pydicom data set, for those who want one; nothing of it is parsed before it is asked."""

from __future__ import annotations

from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.tag import BaseTag, Tag

from tasks.deidentify.headers.opened import Opened


def as_dataset(opened: Opened) -> Dataset:
    """The elements at the top; those that stay in the file (pixels, large values) are there, but empty."""
    implicit, little = opened.encoding.implicit, opened.encoding.order == "<"
    elements: dict[BaseTag, DataElement | RawDataElement] = {}
    for element in opened.elements:
        tag, value = Tag(element.tag), element.value
        elements[tag] = RawDataElement(tag, element.vr, len(value), value, element.at, implicit, little)
    dataset = Dataset(elements)
    dataset.set_original_encoding(implicit, little, list(opened.terms) or None)
    return dataset
