// Browser test of the report page: node report.mjs PATH/index.html OUTDIR
// Opens the page over file:// in headless Chromium, checks it as a reader would meet it, and keeps screenshots and a PDF.

import { createRequire } from 'node:module';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const require = createRequire(import.meta.url);
const AXE = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];
const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const N_ASSETS_LEAST = 8000;
const N_TOP = 20;
const N_TILES = 5;
const TIMEOUT_MS = 120_000;

let nPassed = 0;
let nFailed = 0;

/** Counts and prints one check; `faults` is a list of what is wrong. */
function check(name, faults) {
  if (faults.length === 0) {
    nPassed += 1;
    console.log(`ok    ${name}`);
    return;
  }
  nFailed += 1;
  console.log(`FAIL  ${name}`);
  for (const fault of faults) console.log(`      ${fault}`);
}

/** Runs one group of checks; an exception is a failed check, not the end of the test. */
async function group(name, run) {
  try {
    await run();
  } catch (error) {
    check(name, [String(error?.stack ?? error)]);
  }
}

/** A fresh page at a fixed viewport; `seen` collects console errors and requests that leave the file. */
async function open(browser, url, seen, { width, height, colorScheme = 'light', javaScriptEnabled = true }) {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: 1,
    colorScheme,
    javaScriptEnabled,
    reducedMotion: 'reduce',
    locale: 'en-GB',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(TIMEOUT_MS);
  const page = await context.newPage();
  page.on('console', (m) => m.type() === 'error' && seen.errors.push(`console: ${m.text()}`));
  page.on('pageerror', (e) => seen.errors.push(`exception: ${e.message}`));
  page.on('request', (r) => r.url().startsWith('file:') || seen.requests.push(r.url().slice(0, 200)));
  await page.goto(url, { waitUntil: 'load' });
  return page;
}

/** Violations of WCAG 2.2 AA that axe-core finds, each with its nodes. */
async function axeFaults(page) {
  await page.evaluate(AXE);
  const result = await page.evaluate((tags) => window.axe.run(document, { runOnly: { type: 'tag', values: tags }, resultTypes: ['violations'] }), AXE_TAGS);
  return result.violations.flatMap((v) => [
    `${v.id} (${v.impact}): ${v.help}; ${v.nodes.length} nodes`,
    ...v.nodes.map((n) => `  ${n.target.join(' ')}: ${n.html.slice(0, 160)} | ${(n.failureSummary ?? '').replace(/\s+/g, ' ')}`),
  ]);
}

/** Elements that make the page wider than its window. */
async function sidewaysFaults(page) {
  return page.evaluate(() => {
    const width = document.documentElement.scrollWidth;
    if (width <= window.innerWidth) return [];
    const isScrolled = (e) => e.closest('.scroll') !== null;
    const wide = [...document.querySelectorAll('body *')].filter((e) => !isScrolled(e) && e.getBoundingClientRect().right > window.innerWidth + 0.5);
    return [`scrollWidth ${width} > innerWidth ${window.innerWidth}`, ...wide.slice(0, 8).map((e) => e.outerHTML.slice(0, 120))];
  });
}

async function openAllDetails(page) {
  await page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
}

async function headingFaults(page) {
  const heads = await page.evaluate(() => [...document.querySelectorAll('h1,h2,h3,h4,h5,h6')].map((h) => [Number(h.tagName[1]), h.textContent.trim()]));
  const faults = [];
  if (heads.filter((h) => h[0] === 1).length !== 1 || heads[0]?.[0] !== 1) faults.push('the page must start with its only h1');
  for (let i = 1; i < heads.length; i += 1) {
    if (heads[i][0] > heads[i - 1][0] + 1) faults.push(`h${heads[i][0]} "${heads[i][1]}" follows h${heads[i - 1][0]}`);
  }
  return faults.concat(heads.filter((h) => h[1] === '').map((h) => `empty h${h[0]}`));
}

async function jsonFaults(page) {
  const text = await page.evaluate(() => document.getElementById('buttress-result')?.textContent ?? '');
  if (text === '') return ['no element buttress-result'];
  const n = JSON.parse(text).n_assets;
  return Number.isInteger(n) && n >= N_ASSETS_LEAST ? [] : [`n_assets is ${n}, expected at least ${N_ASSETS_LEAST}`];
}

/** Text that no reader should meet: values of a program, negative zero, ungrouped long numbers. */
async function numberFaults(page) {
  return page.evaluate(() => {
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const bad = /\b(?:NaN|Infinity|undefined|null)\b|(?<![\w.])[-\u2212]0(?![\d.,])|\d{7,}|\d\.0*[1-9]\d{3,}|\d[eE][+-]\d/;
    const faults = [];
    while (walker.nextNode()) {
      const node = walker.currentNode;
      if (node.parentElement.closest('script,style,code,#licences')) continue;
      const hit = bad.exec(node.textContent);
      if (hit) faults.push(`"${hit[0]}" in ${node.textContent.trim().slice(0, 120)}`);
    }
    return faults.slice(0, 20);
  });
}

/** Links inside the page that lead nowhere. */
async function anchorFaults(page) {
  return page.evaluate(() => [...document.querySelectorAll('a[href^="#"]')].map((a) => a.getAttribute('href')).filter((h) => !document.getElementById(h.slice(1))));
}

async function wide(browser, url, seen, outDir) {
  const page = await open(browser, url, seen, { width: 1280, height: 900 });
  await page.screenshot({ path: join(outDir, 'report-1280.png') });
  await page.screenshot({ path: join(outDir, 'report-1280-full.png'), fullPage: true });
  check('axe-core at 1280x900', await axeFaults(page));
  check('headings are in order', await headingFaults(page));
  check(`embedded JSON parses and has ${N_ASSETS_LEAST} assets or more`, await jsonFaults(page));
  check('links inside the page have targets', await anchorFaults(page));
  check('numbers are written for people', await numberFaults(page));
  await page.pdf({ path: join(outDir, 'report.pdf'), format: 'A4', preferCSSPageSize: true });
  const pdf = readFileSync(join(outDir, 'report.pdf'), 'latin1');
  const isA4 = /\/MediaBox\s*\[\s*0 0 59[45]\S* 84[12]\S*\s*\]/.test(pdf);
  check('the page prints to A4', pdf.startsWith('%PDF-') && isA4 ? [] : ['no A4 page in report.pdf']);
  await openAllDetails(page);
  check('axe-core at 1280x900, all parts open', await axeFaults(page));
  await page.context().close();
}

async function mapMoves(browser, url, seen) {
  const page = await open(browser, url, seen, { width: 1280, height: 900 });
  const box = () => page.locator('#europe').getAttribute('viewBox');
  const before = await box();
  await page.locator('#mapbar button[data-k="in"]').press('Enter');
  const zoomed = await box();
  await page.locator('#mapbar button[data-k="all"]').press('Enter');
  const after = await box();
  const faults = [];
  if (zoomed === before) faults.push('zooming changes nothing');
  if (after !== before) faults.push(`"Whole map" gives ${after}, not ${before}`);
  check('the map zooms and resets by keyboard', faults);
  await page.context().close();
}

async function narrow(browser, url, seen, outDir) {
  const page = await open(browser, url, seen, { width: 400, height: 800 });
  await page.screenshot({ path: join(outDir, 'report-400.png') });
  check('axe-core at 400x800', await axeFaults(page));
  check('no sideways scroll at 400 px', await sidewaysFaults(page));
  await page.setViewportSize({ width: 320, height: 800 });
  check('no sideways scroll at 320 px', await sidewaysFaults(page));
  await openAllDetails(page);
  check('no sideways scroll at 320 px, all parts open', await sidewaysFaults(page));
  await page.context().close();
}

async function dark(browser, url, seen) {
  const page = await open(browser, url, seen, { width: 1280, height: 900, colorScheme: 'dark' });
  check('axe-core at 1280x900, dark', await axeFaults(page));
  await page.context().close();
}

async function withoutScript(browser, url, seen) {
  const page = await open(browser, url, seen, { width: 1280, height: 900, javaScriptEnabled: false });
  const faults = [];
  if (!(await page.locator('h1').first().isVisible())) faults.push('no h1');
  const nTiles = await page.locator('.tiles li').count();
  if (nTiles !== N_TILES || !(await page.locator('.tiles li').first().isVisible())) faults.push(`${nTiles} tiles, expected ${N_TILES}`);
  const table = page.locator('#assets table').first();
  const nRows = await table.locator('tbody tr').count();
  if (nRows !== N_TOP || !(await table.isVisible())) faults.push(`${nRows} rows in the table of assets, expected ${N_TOP}`);
  if (await page.locator('#mapbar').isVisible()) faults.push('the buttons of the map show although they cannot work');
  check('without JavaScript: h1, tiles and top-20 table', faults);
  await page.context().close();
}

async function main() {
  const [file, outDir] = process.argv.slice(2);
  if (!file || !outDir || !existsSync(file)) {
    console.error('usage: node report.mjs PATH/index.html OUTDIR');
    process.exit(2);
  }
  mkdirSync(outDir, { recursive: true });
  const url = pathToFileURL(resolve(file)).href;
  const seen = { errors: [], requests: [] };
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: FLAGS, headless: true });
  console.log(`Chromium ${browser.version()}, ${url}`);
  await group('wide page', () => wide(browser, url, seen, outDir));
  await group('map', () => mapMoves(browser, url, seen));
  await group('narrow page', () => narrow(browser, url, seen, outDir));
  await group('dark page', () => dark(browser, url, seen));
  await group('page without JavaScript', () => withoutScript(browser, url, seen));
  check('no console error', seen.errors);
  check('no request but to the file', seen.requests);
  await browser.close();
  console.log(`${nPassed} passed, ${nFailed} failed`);
  process.exitCode = nFailed > 0 ? 1 : 0;
}

await main();
