// SPDX-License-Identifier: EUPL-1.2
// dashboard.js CHROMIUM URL WAIT_FOR : opens the board, waits until a text is shown, and prints as
// JSON what it shows and what axe-core has against it, in each language, colour scheme and width.
"use strict";
const puppeteer = require("puppeteer-core");
const axe = require("axe-core");

const widths = { phone: [320, 640], desktop: [1280, 800] };
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];

async function look(page) {
    const found = await page.evaluate((list) => window.axe.run(document, { runOnly: list }), tags);
    return {
        lang: await page.evaluate(() => document.documentElement.lang),
        text: await page.evaluate(() => document.body.innerText),
        ground: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
        tooWide: await page.evaluate(() =>
            document.documentElement.scrollWidth > document.documentElement.clientWidth),
        passes: found.passes.length,
        violations: found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`),
    };
}

async function main(chromium, url, text) {
    const browser = await puppeteer.launch({ executablePath: chromium, headless: true,
        args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
    const page = await browser.newPage(), errors = [], views = {};
    page.on("pageerror", (error) => errors.push(String(error)));
    page.on("console", (m) => m.type() === "error" && errors.push(m.text()));
    await page.goto(url, { timeout: 90000 });
    await page.waitForFunction((t) => document.body.innerText.includes(t), { timeout: 60000 }, text);
    await page.evaluate(axe.source);
    for (const scheme of ["light", "dark"]) {
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
        for (const [name, [width, height]] of Object.entries(widths)) {
            await page.setViewport({ width, height });
            for (const lang of ["nb", "nn", "en"]) {
                await page.focus(`[data-lang=${lang}]`);
                await page.keyboard.press("Enter"); // without a mouse
                views[`${scheme} ${name} ${lang}`] = await look(page);
            }
        }
    }
    await browser.close();
    console.log(JSON.stringify({ errors, views }));
}

main(...process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
});
