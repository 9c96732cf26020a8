// SPDX-License-Identifier: EUPL-1.2
// validate.js FILE: {"geojson": [...], "schema": ..., "messages": [{"topic", "payload"}...],
// "things": [...], "asyncapi": [...], "datasets": [...]} through validators of others; prints what
// each finds, as JSON.
'use strict';
const fs = require('fs');
const Ajv = require('ajv/dist/2020').default;
const formats = require('ajv-formats').default;
const geojson = require('geojson-validation');
const jsonld = require('jsonld');
const { Parser } = require('@asyncapi/parser');
const td = require('@thing-description-playground/core');

// Members that no description has would pass unseen.
function strict(schema) {
  const copy = JSON.parse(JSON.stringify(schema));
  for (const def of Object.values(copy.$defs)) {
    def.additionalProperties = false;
    for (const [name, member] of Object.entries(def.properties)) {
      if (name !== 'qc_tests' && member.properties) member.additionalProperties = false;
    }
  }
  return copy;
}

function messages(input) {
  const ajv = new Ajv({ strict: true, allErrors: true, strictTypes: false, strictRequired: false });
  formats(ajv);
  const check = ajv.compile(strict(input.schema));
  const faults = [];
  for (const m of input.messages) {
    if (!check(m.payload)) faults.push({ topic: m.topic, payload: m.payload, errors: check.errors });
  }
  return faults;
}

async function asyncapi(document) {
  const { diagnostics } = await new Parser().parse(JSON.stringify(document));
  return diagnostics.filter((d) => d.severity === 0).map((d) => `${d.path.join('/')}: ${d.message}`);
}

// The playground's checks tell a TD's own failures as "failed".
async function thing(document) {
  const report = (await td.tdValidator(JSON.stringify(document), () => {}, {
    checkDefaults: false, checkJsonLd: false, checkTmConformance: false })).report;
  return Object.entries(report).filter(([, said]) => said === 'failed').map(([name]) => name);
}

// A term that the context does not know is a fault of its own, not passed over.
async function triples(document) {
  try {
    return { triples: await jsonld.toRDF(document, { format: 'application/n-quads', safe: true }) };
  } catch (e) {
    return { fault: e.message };
  }
}

async function main() {
  const input = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
  const said = { geojson: [], asyncapi: [], things: [], messages: messages(input), rdf: [] };
  for (const g of input.geojson) said.geojson.push(...geojson.valid(g, true));
  for (const a of input.asyncapi) said.asyncapi.push(...await asyncapi(a));
  for (const t of input.things) said.things.push(...await thing(t));
  for (const d of input.datasets) said.rdf.push(await triples(d));
  console.log(JSON.stringify(said));
}

main().catch((e) => { console.error(e); process.exit(1); });
