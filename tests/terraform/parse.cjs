// Prints the files that are named, as Terraform's own parser of HCL reads them: a list of
// { file, read } in JSON. Ends with 1 and the parser's words at the first that it does not take.
"use strict";

const { readFileSync } = require("node:fs");
const { basename } = require("node:path");
const { parse } = require("@cdktn/hcl2json");

async function main() {
  const files = [];
  for (const path of process.argv.slice(2)) {
    files.push({ file: basename(path), read: await parse(basename(path), readFileSync(path, "utf8")) });
  }
  process.stdout.write(JSON.stringify(files));
}

main().catch((error) => {
  console.error(error.message ?? error);
  process.exitCode = 1;
});
