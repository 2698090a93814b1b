"""The service described for machines (OpenAPI 3.1) and, from the same description, for people."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Any

from edgegan import __version__
from edgegan.serve.requests import MOST_IMAGES

STYLE = (
    ":root{color-scheme:light dark}a{color:inherit}"
    "body{font:16px/1.5 system-ui;max-width:46rem;margin:2rem auto;padding:0 1rem}"
)
PNG: dict[str, Any] = {"200": {"description": "PNG", "content": {"image/png": {}}}}
REFUSED: dict[str, Any] = {
    "401": {"description": "the service asks for a token: Authorization: Bearer TOKEN"},
    "408": {"description": "the request did not come within the time limit"},
    "413": {"description": "the request is larger than is taken"},
    "422": {"description": "the request is wrong; error says how"},
    "503": {"description": "too many wait; Retry-After says when to try again"},
    "504": {"description": "not drawn within the time limit"},
}


def _query(name: str, kind: Mapping[str, Any], description: str) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": False, "schema": kind, "description": description}


def openapi(model: str) -> dict[str, Any]:
    """The description of a service over ``model``."""
    whole = {"type": "integer", "minimum": 0}
    body = {
        "type": "object",
        "properties": {
            "count": {"type": "integer", "minimum": 1, "maximum": MOST_IMAGES, "default": 1},
            "seed": whole | {"default": 0},
            "truncation": {"type": "number"},
            "fixed": {"type": "object", "description": "inputs by name that are the same for all samples"},
        },
        "additionalProperties": False,
    }
    text = {"description": "text", "content": {"text/plain": {}}}
    plain = {"200": {"description": "JSON", "content": {"application/json": {}}}}
    return {
        "openapi": "3.1.0",
        "info": {"title": f"EdgeGAN: {model}", "version": __version__},
        "paths": {
            "/images": {
                "post": {
                    "summary": "Samples: one picture, or a sheet of several.",
                    "requestBody": {"content": {"application/json": {"schema": body}}},
                    "responses": PNG | REFUSED,
                }
            },
            "/image": {
                "post": {
                    "summary": "A picture through an image-to-image generator, of any size.",
                    "parameters": [
                        _query("seed", whole, "seed of the other inputs"),
                        _query(
                            "fit",
                            {"enum": ["auto", "tile", "resize", "letterbox", "crop"]},
                            "how a picture of another size goes through",
                        ),
                    ],
                    "requestBody": {"content": {"image/*": {}}},
                    "responses": PNG | REFUSED,
                }
            },
            "/manifest": {"get": {"summary": "The artifact's manifest.", "responses": plain}},
            "/health": {"get": {"summary": "Whether the process answers.", "responses": plain}},
            "/ready": {
                "get": {
                    "summary": "Whether every session has drawn once.",
                    "responses": plain | {"503": {"description": "not yet, or too many wait"}},
                }
            },
            "/metrics": {"get": {"summary": "Counters in Prometheus' format.", "responses": {"200": text}}},
        },
    }


def page(description: Mapping[str, Any]) -> str:
    """The description as a page that fetches nothing."""
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content='width=device-width'>",
        f"<title>{escape(description['info']['title'])}</title>",
        f"<link rel=icon href='data:,'><style>{STYLE}</style>",
        f"<main><h1>{escape(description['info']['title'])}</h1><p><a href='openapi.json'>openapi.json</a></p>",
    ]
    for path, methods in description["paths"].items():
        for method, told in methods.items():
            parts.append(f"<h2>{method.upper()} {escape(path)}</h2><p>{escape(told['summary'])}</p>")
            fields = [(p["name"], p["description"]) for p in told.get("parameters", [])]
            body = told.get("requestBody", {}).get("content", {})
            fields += [
                (name, kind.get("description", kind.get("type", "")))
                for content in body.values()
                for name, kind in content.get("schema", {}).get("properties", {}).items()
            ]
            if fields:
                rows = "".join(f"<li><b>{escape(name)}</b> {escape(text)}</li>" for name, text in fields)
                parts.append(f"<ul>{rows}</ul>")
            answers = ", ".join(f"{code} {escape(told['description'])}" for code, told in told["responses"].items())
            parts.append(f"<p>Answers: {answers}.</p>")
    return "\n".join([*parts, "</main></html>"])
