// Looks at review pages as their readers do, in headless Chromium: node check.cjs PAGE...
// Prints what is wrong, a line each, and fails if anything is. NODE_PATH has to lead to the packages
// of package.json, and PATH to chromium; `.ci/peers` sees to both.
"use strict";

const { execFileSync } = require("node:child_process");
const { readFileSync } = require("node:fs");
const { basename } = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const AXE = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const WIDE = { width: 1400, height: 1000 };
const NARROW = { width: 360, height: 700 };

// Of a fleet's clusters it is enough to look closely at some: all are made the same way.
const SOME = 12;
const thin = (page) =>
  page.evaluate((some) => [...document.querySelectorAll(".group")].slice(some).forEach((group) => group.remove()), SOME);

const problems = [];
const check = (holds, what) => {
  if (!holds) problems.push(what);
};

async function main(files) {
  const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  const browser = await chromium.launch({ executablePath });
  for (const file of files) {
    const look = async (name, options, eyes) => {
      const context = await browser.newContext({ viewport: WIDE, ...options });
      context.setDefaultTimeout(10_000);
      const page = await context.newPage();
      const loud = [];
      page.on("console", (message) => loud.push(`says "${message.text()}"`));
      page.on("pageerror", (error) => loud.push(`fails: ${error.message}`));
      page.on("request", (request) => loud.push(`asks for ${request.url()}`));
      const url = pathToFileURL(file).href;
      await page.goto(url);
      if (eyes !== paint && eyes !== filters) await thin(page);
      await eyes(page).catch((error) => problems.push(`${name}: ${error.message.split("\n")[0]}`));
      const unexpected = loud.filter((line) => line !== `asks for ${url}`);
      problems.splice(problems.length, 0, ...unexpected.map((line) => `${name}: the page ${line}`));
      await context.close();
    };
    const before = problems.length;
    await look("paint", {}, paint);
    await look("keys", {}, keys);
    await look("pointer", {}, pointer);
    await look("filters", {}, filters);
    await look("narrow", { viewport: NARROW }, narrow);
    await look("no script", { javaScriptEnabled: false }, noScript);
    await look("print", { javaScriptEnabled: false }, print);
    for (const colorScheme of ["light", "dark"]) {
      await look(`axe, ${colorScheme}`, { colorScheme, bypassCSP: true }, (page) => accessible(page, colorScheme));
    }
    for (let at = before; at < problems.length; at += 1) problems[at] = `${basename(file)}: ${problems[at]}`;
  }
  await browser.close();
  for (const problem of problems) console.log(problem);
  process.exit(problems.length === 0 ? 0 : 1);
}

// When something was first to be seen is printed and not judged: machines differ.
async function paint(page) {
  const first = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const seen = (list) => list.getEntriesByName("first-contentful-paint").forEach((entry) => resolve(entry.startTime));
        new PerformanceObserver(seen).observe({ type: "paint", buffered: true });
      }),
  );
  const size = (await page.content()).length;
  console.error(`${basename(new URL(page.url()).pathname)}: ${size} characters, first contentful paint after ${Math.round(first)} ms`);
}

// The first picture that is in sight, its fold opened if need be.
async function firstPicture(page) {
  const picture = page.locator(".map").first();
  if (!(await picture.isVisible())) {
    await press(page, page.locator("details.group:has(.map) > summary").first());
  }
  return picture;
}

// By key: without scripts it cannot be waited for that a thing stands still under the pointer.
async function press(page, what) {
  await what.focus();
  await page.keyboard.press("Enter");
}

async function keys(page) {
  const boxes = (await firstPicture(page)).locator("a");
  const focused = () => page.evaluate(() => document.activeElement.closest(".map a")?.getAttribute("href"));
  const first = await boxes.first().getAttribute("href");
  for (let presses = 0; presses < 200 && (await focused()) !== first; presses += 1) await page.keyboard.press("Tab");
  check((await focused()) === first, "keys: Tab does not reach the picture");
  check(await page.locator("#peek").isVisible(), "keys: the focused step is not shown");
  await page.keyboard.press("ArrowDown");
  const below = await focused();
  check(below !== first && below?.startsWith("#s"), "keys: ArrowDown does not go to another step");
  const told = await page.locator("#peek").textContent();
  const step = page.locator(below);
  check(told.includes((await step.locator("pre").first().textContent()).trim().split("\n")[0].trim()), "keys: another step is shown");
  await page.keyboard.press("ArrowUp");
  check((await focused()) === first, "keys: ArrowUp does not go back");
  await page.keyboard.press("Escape");
  check(!(await page.locator("#peek").isVisible()), "keys: Escape does not put the step away");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForFunction((id) => location.hash === id && document.activeElement.id === id.slice(1), below);
  check(await step.isVisible(), "keys: Enter does not lead to the step");
  check(!(await page.locator("#peek").isVisible()), "keys: the step is still shown beside its box");
}

async function pointer(page) {
  const picture = await firstPicture(page);
  const box = picture.locator("a").nth(1);
  await box.hover();
  const peek = page.locator("#peek");
  check(await peek.isVisible(), "pointer: the step under the pointer is not shown");
  const [at, shown] = [await box.boundingBox(), await peek.boundingBox()];
  const isApart = shown.x >= at.x + at.width || shown.x + shown.width <= at.x || shown.y >= at.y + at.height || shown.y + shown.height <= at.y;
  check(isApart, "pointer: the step hides its box");
  check((await picture.locator("path.on").count()) > 0, "pointer: the step's lines do not stand out");
  await peek.hover();
  await page.mouse.move(shown.x + 5, shown.y + 5);
  check(await peek.isVisible(), "pointer: what is shown cannot be pointed at");
  await page.mouse.move(1, 1);
  await peek.waitFor({ state: "hidden" });
}

async function filters(page) {
  const shown = page.locator("#shown");
  const all = await shown.textContent();
  const steps = page.locator(".group:not([hidden]) [data-kind]:not([hidden])");
  const count = async () => page.evaluate(() => document.querySelectorAll(".group:not([hidden]) [data-kind]:not([hidden])").length);
  const total = await count();
  check(all.startsWith(`${total} step`), `filters: it says "${all}" of ${total} steps`);
  await page.locator("[name=kind][value=role]").uncheck();
  check((await page.locator("[data-kind=role]:not([hidden])").count()) === 0, "filters: roles are still there");
  check((await count()) < total && (await shown.textContent()) !== all, "filters: nothing is told of it");
  await page.locator("[name=kind][value=role]").check();
  if (await page.locator("#done").count()) {
    await page.locator("#done").check();
    check((await page.locator(".still:not([hidden])").count()) === 0, "filters: what is left alone is still there");
    await page.locator("#done").uncheck();
  }
  check((await shown.textContent()) === all, "filters: not everything comes back");
  if (await page.locator("#which").count()) {
    const names = await page.locator(".group:not([data-of]) h3").allTextContents();
    const name = names[names.length - 1];
    await page.locator("#which").fill(name.toUpperCase());
    const left = await page.locator(".group:not([data-of]):not([hidden]) h3").allTextContents();
    check(left.includes(name) && left.length < names.length, `filters: ${left.length} clusters are left for ${name}`);
    // A link to what is not shown brings it back.
    await page.evaluate(() => { location.hash = document.querySelector(".group[hidden] [id^=s]").id; });
    await page.waitForFunction(() => document.activeElement.id === location.hash.slice(1));
    check((await count()) === total, "filters: a link to what is hidden does not show it");
  }
  await page.locator("#fold").click();
  check((await page.locator(".group[open]").count()) === 0, "filters: not all is folded");
  check((await steps.first().isVisible()) === false, "filters: a step is seen though all is folded");
  await page.locator("#unfold").click();
  check((await page.locator(".group li > details:not([open])").count()) === 0, "filters: not all is unfolded");
}

async function narrow(page) {
  await firstPicture(page);
  const [wanted, room] = await page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
  check(wanted <= room, `narrow: the page is ${wanted} wide in ${room}`);
}

async function noScript(page) {
  check(!(await page.locator("#tools").isVisible()), "no script: filters are there that do nothing");
  const group = page.locator("details.group").last();
  if ((await group.getAttribute("open")) === null) await press(page, group.locator("> summary"));
  const fold = group.locator("li > details").first();
  if ((await fold.getAttribute("open")) === null) await press(page, fold.locator("summary"));
  check(await fold.locator("[id^=s]").isVisible(), "no script: a step cannot be unfolded");
  const box = (await firstPicture(page)).locator("a").first();
  const goal = page.locator(await box.getAttribute("href"));
  await press(page, box);
  check(await goal.isVisible(), "no script: a box does not lead to its step");
}

async function print(page) {
  await page.emulateMedia({ media: "print" });
  const steps = page.locator("li > details > [id^=s]");
  for (const step of await steps.all()) check(await step.isVisible(), "print: a step is folded away");
  check(!(await page.locator("#tools").isVisible()), "print: the filters are there");
}

async function accessible(page, scheme) {
  await page.evaluate(AXE);
  const picture = await firstPicture(page);
  const run = async (when) => {
    const { violations } = await page.evaluate(() => axe.run({ resultTypes: ["violations"] }));
    for (const { id, help, nodes } of violations) problems.push(`axe, ${scheme}, ${when}: ${id}: ${help}: ${nodes[0].html}`);
  };
  await run("as it opens");
  await picture.locator("a").first().hover();
  await run("with a step shown");
}

main(process.argv.slice(2));
