// node schema_validate.mjs SCHEMA FILE.yaml...: one line of JSON a file, {"value", "errors"}, by npm's `yaml` (YAML 1.2, what
// editors use) and `ajv`. Run by schema_editors.py, which says where the packages are.
import fs from 'fs';
import { createRequire } from 'module';
const require = createRequire(process.env.LEHR_NODE_MODULES + '/');
const yaml = require('yaml');
const Ajv = require('ajv');

const [schemaFile, ...files] = process.argv.slice(2);
const ajv = new (Ajv.default ?? Ajv)({ allErrors: true, strict: false });
const validate = ajv.compile(JSON.parse(fs.readFileSync(schemaFile, 'utf8')));
for (const file of files) {
  const value = yaml.parse(fs.readFileSync(file, 'utf8'));
  const errors = validate(value) ? [] : validate.errors.map((e) => `${e.instancePath} ${e.message}`);
  console.log(JSON.stringify({ value, errors }));
}
