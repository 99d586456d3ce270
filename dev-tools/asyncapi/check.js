// Reads an AsyncAPI document with the AsyncAPI project's own parser and says what it finds wrong: node check.js FILE
import { readFile } from "node:fs/promises";
import asyncapi from "@asyncapi/parser";

const { Parser } = asyncapi;
const ERROR = 0;

const { document, diagnostics } = await new Parser().parse(await readFile(process.argv[2], "utf8"));
const errors = diagnostics.filter((found) => found.severity === ERROR);
for (const { severity, path, message } of diagnostics) {
  console.error(severity === ERROR ? "error" : "note", path.join("."), message);
}
if (errors.length > 0 || !document) process.exit(1);
const messages = document.channels().get("events").messages().all();
console.log(`AsyncAPI ${document.version()}, ${messages.length} messages on ${document.channels().get("events").address()}`);
