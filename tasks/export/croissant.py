"""The machine-readable card: Croissant 1.0 JSON-LD (mlcommons.org/croissant/1.0), made from the column dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from tasks.core.columns import KEYS, describe
from tasks.core.settings import ExportSettings

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"

_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "citeAs": "cr:citeAs",
    "column": "cr:column",
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "equivalentProperty": "cr:equivalentProperty",
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "extract": "cr:extract",
    "field": "cr:field",
    "fileObject": "cr:fileObject",
    "fileProperty": "cr:fileProperty",
    "fileSet": "cr:fileSet",
    "format": "cr:format",
    "includes": "cr:includes",
    "isLiveDataset": "cr:isLiveDataset",
    "jsonPath": "cr:jsonPath",
    "key": "cr:key",
    "md5": "cr:md5",
    "parentField": "cr:parentField",
    "path": "cr:path",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "recordSet": "cr:recordSet",
    "references": "cr:references",
    "regex": "cr:regex",
    "repeated": "cr:repeated",
    "replace": "cr:replace",
    "samplingRate": "cr:samplingRate",
    "sc": "https://schema.org/",
    "separator": "cr:separator",
    "source": "cr:source",
    "subField": "cr:subField",
    "transform": "cr:transform",
}
_TYPES = {"string": "sc:Text", "Int64": "sc:Integer", "float64": "sc:Float", "bool": "sc:Boolean"}
_PARENTS = {"patient": "patients", "study": "studies", "unit": "series"}


def make_croissant(
    settings: ExportSettings, tables: Mapping[str, pd.DataFrame], checksums: Mapping[str, str], has_objects: bool
) -> dict[str, Any]:
    """The JSON-LD of a dataset; `checksums` maps each table's file (`patients.parquet`) to its SHA-256."""
    card: dict[str, Any] = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": settings.name,
        "description": settings.description or settings.title,
        "alternateName": settings.title,
        "license": settings.license,
        "citeAs": f"{settings.title}{f', {settings.creator}' if settings.creator else ''}",
        "distribution": [*(_file(name, checksums[f"{name}.parquet"]) for name in tables), *_file_sets(has_objects)],
        "recordSet": [_record_set(name, table, tables) for name, table in tables.items()],
    }
    if settings.creator:
        card["creator"] = {"@type": "sc:Organization", "name": settings.creator}
    return card


def _file(table: str, checksum: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": f"{table}.parquet",
        "name": f"{table}.parquet",
        "contentUrl": f"{table}.parquet",
        "encodingFormat": "application/x-parquet",
        "sha256": checksum,
    }


def _file_sets(has_objects: bool) -> list[dict[str, Any]]:
    images = ("images", "image/png", "images/*/*.png")
    objects = ("objects", "application/dicom", "objects/*/*.dcm")
    return [
        {"@type": "cr:FileSet", "@id": name, "name": name, "encodingFormat": kind, "includes": pattern}
        for name, kind, pattern in ((images, objects) if has_objects else (images,))
    ]


def _record_set(name: str, table: pd.DataFrame, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    fields = [_field(name, str(column), table[column].dtype, tables) for column in table.columns]
    keys = [{"@id": f"{name}/{column}"} for column in KEYS[name] if column in table.columns]
    return {"@type": "cr:RecordSet", "@id": name, "name": name, "key": keys, "field": fields}


def _field(table: str, column: str, dtype: Any, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    told = describe(table, column)
    unit = f" [{told.unit}]" if told.unit else ""
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{table}/{column}",
        "name": column,
        "description": told.description + unit,
        "dataType": _TYPES[_kind(dtype)],
        "source": {"fileObject": {"@id": f"{table}.parquet"}, "extract": {"column": column}},
    }
    parent = _PARENTS.get(column)
    if parent and parent != table and column in tables[parent].columns:
        field["references"] = {"fileObject": {"@id": f"{parent}.parquet"}, "extract": {"column": column}}
    return field


def _kind(dtype: Any) -> str:
    if pd.api.types.is_bool_dtype(dtype):
        return "bool"
    if pd.api.types.is_integer_dtype(dtype):
        return "Int64"
    return "float64" if pd.api.types.is_float_dtype(dtype) else "string"
