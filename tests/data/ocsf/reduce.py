# SPDX-License-Identifier: Apache-2.0
"""Makes ``1.8.0.json`` of the published export of OCSF: ``python reduce.py EXPORT > 1.8.0.json``; see README.md."""

import json
import sys
from pathlib import Path
from typing import Any

CLASSES = ("api_activity", "authentication")
OBJECTS = frozenset(
    [
        "actor",
        "api",
        "auth_factor",
        "authorization",
        "data_classification",
        "fingerprint",
        "http_request",
        "http_response",
        "metadata",
        "network_endpoint",
        "object",
        "observable",
        "policy",
        "product",
        "request",
        "resource_details",
        "response",
        "service",
        "session",
        "url",
        "user",
    ]
)
PROFILE = "data_classification"
KEPT = ("type", "object_type", "is_array", "enum", "requirement", "profiles", "sibling")


def attributes(one: dict[str, Any]) -> dict[str, Any]:
    """Return the attributes outside of profiles and those of the one profile that is used."""
    found = {}
    for name, told in sorted(one["attributes"].items()):
        profiles = told.get("profiles") or []
        if not profiles or PROFILE in profiles:
            found[name] = {key: told[key] for key in KEPT if told.get(key)}
            if "@deprecated" in told:
                found[name]["deprecated"] = told["@deprecated"].get("since", True)
            if "enum" in told:
                found[name]["enum"] = {key: each["caption"] for key, each in sorted(told["enum"].items())}
    return found


def reduced(export: dict[str, Any]) -> dict[str, Any]:
    """Return what is used of an export."""
    parts = {
        "classes": {name: export["classes"][name] for name in CLASSES},
        "objects": {name: export["objects"][name] for name in sorted(OBJECTS)},
    }
    told = {
        part: {
            name: {
                **{
                    key: one[key]
                    for key in ("uid", "category_uid", "category_name", "caption", "constraints")
                    if key in one
                },
                "attributes": attributes(one),
            }
            for name, one in ones.items()
        }
        for part, ones in parts.items()
    }
    used = {each["type"] for ones in told.values() for one in ones.values() for each in one["attributes"].values()}
    types = export["dictionary"]["types"]["attributes"]
    rules = {
        name: {key: types[name][key] for key in ("type", "regex", "max_len", "range") if key in types[name]}
        for name in sorted(used & set(types))
    }
    return {"version": export["version"], "types": rules, **told}


if __name__ == "__main__":
    json.dump(reduced(json.loads(Path(sys.argv[1]).read_text())), sys.stdout, indent=1, sort_keys=True)
    sys.stdout.write("\n")
