// The events of a run as TypeScript types, from their JSON Schema. Writes src/panel/events.ts; with --check, only looks.
import { readFile, writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const SCHEMA = new URL("../schemas/lintune_schemas/json/run-event.schema.json", import.meta.url);
const TYPES = new URL("src/panel/events.ts", import.meta.url);

/** The module's text. */
function module(schema) {
  const parts = ["// Written by event-types.mjs from run-event.schema.json: npm run types."];
  for (const [name, definition] of Object.entries(schema.$defs)) {
    const comment = definition.description ? `/** ${oneLine(definition.description)} */\n` : "";
    parts.push(comment + (definition.enum ? union(name, definition) : interfaceOf(name, definition)));
  }
  const events = schema.anyOf.map(({ $ref }) => nameOf($ref));
  parts.push(`export type RunEvent =\n${events.map((name) => `  | ${name}`).join("\n")};`);
  return `${parts.join("\n\n")}\n`;
}

function interfaceOf(name, { properties }) {
  const lines = Object.entries(properties).map(([key, value]) => {
    // Records of older versions lack what has a default.
    const mark = "default" in value ? "?" : "";
    return `  readonly ${key}${mark}: ${typeOf(value)};`;
  });
  return `export interface ${name} {\n${lines.join("\n")}\n}`;
}

function union(name, definition) {
  return `export type ${name} = ${typeOf(definition)};`;
}

function typeOf(schema) {
  if (schema.$ref) {
    return nameOf(schema.$ref);
  }
  if (schema.enum) {
    return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  }
  const several = schema.anyOf ?? schema.allOf;
  if (several) {
    return several.map(typeOf).join(" | ");
  }
  switch (schema.type) {
    case "array":
      return `readonly ${typeOf(schema.items)}[]`;
    case "object":
      return `Readonly<Record<string, ${typeOf(schema.additionalProperties)}>>`;
    case "integer":
    case "number":
      return "number";
    case "string":
    case "boolean":
    case "null":
      return schema.type;
    default:
      throw new Error(`No type for ${JSON.stringify(schema)}`);
  }
}

function nameOf(reference) {
  return reference.split("/").at(-1);
}

function oneLine(text) {
  return text.replaceAll(/\s+/g, " ").trim();
}

const text = module(JSON.parse(await readFile(SCHEMA, "utf8")));
if (!process.argv.includes("--check")) {
  await writeFile(TYPES, text);
} else if ((await readFile(TYPES, "utf8").catch(() => "")) !== text) {
  console.error(`${fileURLToPath(TYPES)} is not what the schema says. Run: npm run types`);
  process.exitCode = 1;
}
