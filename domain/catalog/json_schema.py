"""The JSON Schema of bundle files, with which editors complete names and mark mistakes while somebody writes."""

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from domain.catalog.bundle import Bundle

SCHEMA_ID = "https://json-schema.org/draft/2020-12/schema"


class _Generator(GenerateJsonSchema):
    """Describes values as the files write them: lengths of time as `4h`."""

    def timedelta_schema(self, schema: core_schema.TimedeltaSchema) -> JsonSchemaValue:
        return {
            "type": "string",
            "pattern": "^[0-9]{1,9}[smhd]$",
            "description": "A length of time: 30s, 15m, 4h or 2d; at most 30 days.",
            "examples": ["30s", "15m", "4h", "2d"],
        }


def file_schema() -> dict[str, Any]:
    """Return the schema of one file of a bundle: any of the parts, each as the whole bundle has it."""
    schema = Bundle.model_json_schema(schema_generator=_Generator)
    schema.pop("required")
    return {
        "$schema": SCHEMA_ID,
        **schema,
        "title": "A file of a Remit policy bundle",
        "description": "One file of a bundle: any of its parts. Each part stands in one file only.",
    }
