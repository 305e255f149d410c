// Draws graphs as GitHub and GitLab do, with Mermaid itself: node mermaid.cjs GRAPH...
// Prints what is wrong, a line each, and fails if anything is. NODE_PATH has to lead to the packages
// of package.json, and PATH to chromium; `.ci/peers` sees to both.
"use strict";

const { execFileSync } = require("node:child_process");
const { readFileSync } = require("node:fs");
const { basename } = require("node:path");
const { chromium } = require("playwright-core");

const problems = [];

async function main(files) {
  const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  const browser = await chromium.launch({ executablePath });
  const page = await browser.newPage();
  page.on("console", (message) => problems.push(`Mermaid says "${message.text()}"`));
  page.on("request", (request) => problems.push(`Mermaid asks for ${request.url()}`));
  await page.addScriptTag({ path: require.resolve("mermaid/dist/mermaid.min.js") });
  for (const file of files) {
    const wrong = await page.evaluate(draw, readFileSync(file, "utf8")).catch((error) => [error.message.split("\n")[0]]);
    problems.push(...wrong.map((what) => `${basename(file)}: ${what}`));
  }
  await browser.close();
  for (const problem of problems) console.log(problem);
  process.exitCode = problems.length > 0 ? 1 : 0;
}

// In the browser. What Mermaid cannot read it throws.
async function draw(text) {
  mermaid.initialize({ startOnLoad: false });
  const { svg } = await mermaid.render("graph", text);
  document.body.innerHTML = svg;
  const drawn = (what) => document.querySelectorAll(what).length;
  const wrong = [];
  // What a box says, with Mermaid's entity codes as the characters that they stand for.
  const plain = (label) => label.replace(/#(\d+);/g, (_, code) => String.fromCodePoint(code)).replace(/\s+/g, " ").trim();
  const written = [...text.matchAll(/^ *s\d+\["(.*)"\]/gm)].map(([, label]) => plain(label)).sort();
  const boxes = [...document.querySelectorAll("svg .node")].map((box) => plain(box.textContent)).sort();
  if (boxes.join("\n") !== written.join("\n")) wrong.push(`boxes say ${JSON.stringify(boxes)}, not ${JSON.stringify(written)}`);
  const arrows = text.match(/-->/g)?.length ?? 0;
  if (drawn(".edgePaths path") !== arrows) wrong.push(`${arrows} arrows are written, and ${drawn(".edgePaths path")} drawn`);
  if (drawn("svg script, svg img, svg a") > 0) wrong.push("a name has become markup");
  return wrong;
}

main(process.argv.slice(2));
