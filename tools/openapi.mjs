// Validates documents against the official schema of OpenAPI 3.1, with the JSON schemas in them:
//
//   node tools/openapi.mjs FILE...
//
// A reference must stay in its document, because the service serves one file. This needs no network: the library
// contains the schema.
import { readFileSync } from "node:fs";

const SCHEMA = "https://spec.openapis.org/oas/3.1/schema-base";
const library = new URL("../.tools/npm/node_modules/@hyperjump/json-schema/openapi-3-1/index.js", import.meta.url);
const { validate } = await import(library);

function* references(value, at = "") {
  if (typeof value !== "object" || value === null) return;
  if (typeof value.$ref === "string") yield { at, to: value.$ref };
  for (const [name, member] of Object.entries(value)) {
    yield* references(member, `${at}/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`);
  }
}

let complaints = 0;
const complain = (file, at, text) => {
  console.log(`${file}: ${at}: ${text}`);
  complaints += 1;
};
for (const file of process.argv.slice(2)) {
  const document = JSON.parse(readFileSync(file, "utf8"));
  const { valid, errors = [] } = await validate(SCHEMA, document, "BASIC");
  for (const { instanceLocation, absoluteKeywordLocation } of errors) {
    complain(file, decodeURIComponent(instanceLocation.slice(1)), `breaks ${absoluteKeywordLocation}`);
  }
  if (!valid && errors.length === 0) complain(file, "/", `breaks ${SCHEMA}`);
  for (const { at, to } of references(document)) {
    if (!to.startsWith("#/")) complain(file, at, `refers to ${to}, which is outside of the document`);
  }
}
process.exitCode = complaints > 0 ? 1 : 0;
