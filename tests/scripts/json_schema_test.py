#!/usr/bin/env python3
"""json_schema_test.py GATEHOUSE PLUGINS SOURCE: what `gatehouse schema` prints is a JSON Schema of the configuration file.

Every file of conf/ is valid by it, and those of tests/unit/config/bad_configs are not whose mistake is one of a single value.
"""

import json
import pathlib
import re
import subprocess
import sys
import tomllib

try:
    import jsonschema
except ImportError:
    print("skipped: python3-jsonschema is not there; scripts/deps test installs it")
    sys.exit(77)

gatehouse, plugins, source = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3])
text = subprocess.run([gatehouse, "schema", "--plugin-path", plugins], check=True, capture_output=True, text=True).stdout
schema = json.loads(text)
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
failures = []


def problems(document):
    return [f"{error.json_path}: {error.message}" for error in validator.iter_errors(document)]


def expect(what, document, valid):
    found = problems(document)
    if valid and found:
        failures.append(f"{what} should be valid:\n  " + "\n  ".join(found))
    if not valid and not found:
        failures.append(f"{what} should not be valid")


def read(file):
    with open(file, "rb") as opened:
        return tomllib.load(opened)


for file in sorted((source / "conf").glob("*.toml")):
    expect(file, read(file), True)

# Mistakes of these kinds stand in one value. A float without a fraction is an integer to JSON Schema.
KINDS = re.compile(
    r"_(type|unknown_key|unknown_key_dash|unknown_key_far|missing|misspelt|range|item|zero|word|level|format|digits|decimal|"
    r"no_unit|unit|fraction|negative|when_full|unknown)$")
BEYOND = {  # these need a second value, or knowledge that only the host has
    "host_resolvers_item", "listener_address_port_range", "listener_backlog_float", "listener_plugin_missing",
    "listener_rate_missing", "listener_rate_zero", "on_silence_zero", "plugin_misspelt", "process_capability_item",
    "process_capability_misspelt", "process_capability_unknown", "routes_match_item", "routes_plugin_missing",
    "routes_sni_map_unknown", "routes_tls_unknown", "tls_alpn_item", "tls_handshake_timeout_zero"}
count = 0
for file in sorted((source / "tests/unit/config/bad_configs").glob("*.toml")):
    if not KINDS.search(file.stem) or file.stem in BEYOND or file.stem.startswith("syntax_"):
        continue
    expect(file, read(file), False)
    count += 1
if count < 50:
    failures.append(f"only {count} wrong files were tried")

LISTENER = [{"name": "a", "address": ":1", "plugin": "web"}]


def with_plugin(section, name="web"):
    return {"listeners": LISTENER, "plugins": {name: section}}


root = {"root": "/srv"}
expect("an instance of http", with_plugin({"library": "http", "config": root}), True)
expect("http by its name", with_plugin({"config": root}, "http"), True)
expect("another library of that name", with_plugin({"library": "echo"}, "http"), True)
expect("a library that is not there", with_plugin({"library": "./other.so", "config": {"any": 1}}), True)
expect("all kinds of values", with_plugin({"library": "http", "config": root | {
    "index": "a", "header_timeout": "5s", "body_timeout": 0, "max_header": 1024, "max_body": "1MiB"}}), True)
site = {"sites": [{"root": "/srv"}]}
expect("http with a site without a name", with_plugin({"library": "http", "config": site}), False)
expect("http by its name with such a site", with_plugin({"config": site}, "http"), False)
expect("http with an unknown key", with_plugin({"library": "http", "config": root | {"rot": 1}}), False)
expect("http with a time without a unit", with_plugin({"library": "http", "config": root | {"body_timeout": "5"}}), False)
expect("http with a wrong type", with_plugin({"library": "http", "config": {"root": 1}}), False)
expect("echo with a key", with_plugin({"library": "echo", "config": {"a": 1}}), False)
gateway = {"upstream": "a:1"}
expect("a gateway with TLS", with_plugin({"library": "gateway", "config": gateway | {"tls": {"verify": False}}}), True)
expect("a gateway with servers", with_plugin({"library": "gateway", "config": {"servers": [{"address": "a:1"}]}}), True)
expect("a gateway with a wrong TLS", with_plugin({"library": "gateway", "config": gateway | {"tls": {"verfy": False}}}), False)
expect("a gateway with a wrong word", with_plugin({"library": "gateway", "config": gateway | {"balance": "fast"}}), False)
expect("a gateway with a wrong server", with_plugin({"library": "gateway", "config": {"servers": [{"weight": 1}]}}), False)
expect("a gateway with a weight below 0",
       with_plugin({"library": "gateway", "config": {"servers": [{"address": "a:1", "weight": -1}]}}), False)
expect("texts from elsewhere", {"include": "sites/*.toml", "log": {"level": "${LEVEL:-info}", "file": {"file": "a"}}, "listeners": [{
    "name": "a", "address": "${BIND}:1", "plugin": "web", "backlog": "${BACKLOG}", "nodelay": {"file": "x"}, "mode": "${MODE}",
    "idle_timeout": "${IDLE}", "min_rate": "${RATE}"}], "plugins": {"web": {"library": "http", "config": {
        "root": "${ROOT}", "max_body": "${BODY}"}}}}, True)
expect("an included file with nothing but a certificate", {"tls": {"a": {"certificate": "cert.pem"}}}, True)
expect("a dollar that begins no variable", {"log": {"level": "$LEVEL"}}, False)
expect("a file with more beside it", {"log": {"level": {"file": "a", "mode": "b"}}}, False)


def undescribed(node, path):
    """The keys that say nothing of themselves; sections need not."""
    for name, value in node.get("properties", {}).items():
        kinds = [value, value.get("items", {}), *value.get("anyOf", [])]
        is_section = "if" in value or any(kind.get("type") == "object" for kind in kinds)
        if "description" not in value and not is_section:
            yield f"{path}.{name}"
        for inner in (value, value.get("items", {})):
            yield from undescribed(inner, f"{path}.{name}")
    for value in node.get("patternProperties", {}).values():
        yield from undescribed(value, f"{path}.NAME")


for key in undescribed(schema, ""):
    failures.append(f"{key[1:]} has no description; docs/configuration.md has the host's")

print("\n".join(failures))
sys.exit(1 if failures else 0)
