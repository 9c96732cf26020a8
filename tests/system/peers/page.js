// SPDX-License-Identifier: EUPL-1.2
// page.js CHROMIUM URL FOLDER : opens the gateway's status page and prints as JSON what it shows and
// what axe-core has against it, in each language, colour scheme and width; how much the first view
// took; what it shows without scripts; and whether it stays up to date and is reached by keys alone.
"use strict";
const path = require("path");
const puppeteer = require("puppeteer-core");
const axe = require("axe-core");

const widths = { phone: [320, 640], desktop: [1280, 800] };
const tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"];
const languages = ["nb", "nn", "en"];

async function look(page) {
    await page.evaluate(axe.source);
    const found = await page.evaluate((list) => window.axe.run(document, { runOnly: list }), tags);
    return {
        lang: await page.evaluate(() => document.documentElement.lang),
        text: await page.evaluate(() => document.body.innerText.replace(/\u00a0/g, " ")),
        ground: await page.evaluate(() => getComputedStyle(document.body).backgroundColor),
        tooWide: await page.evaluate(() =>
            document.documentElement.scrollWidth > document.documentElement.clientWidth),
        passes: found.passes.length,
        violations: found.violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.html).join(" ")}`),
    };
}

// Tab and Enter, from the top of the page: what has the focus on the way, and where it leads.
async function byKeys(page) {
    const stops = [];
    for (let i = 0; i < 12; i++) {
        await page.keyboard.press("Tab");
        const stop = await page.evaluate(() => ({ text: document.activeElement.textContent,
            outline: getComputedStyle(document.activeElement).outlineStyle }));
        stops.push(stop);
        if (stop.text === "English")
            break;
    }
    await Promise.all([page.waitForNavigation(), page.keyboard.press("Enter")]);
    return { stops, lang: await page.evaluate(() => document.documentElement.lang) };
}

async function firstView(browser, url) {
    const context = await browser.createBrowserContext(), page = await context.newPage();
    let bytes = 0;
    page.on("response", async (r) => {
        bytes += (await r.buffer().catch(() => "")).length + JSON.stringify(r.headers()).length;
    });
    await page.goto(url, { waitUntil: "networkidle0" });
    const images = await page.evaluate(() => [...document.images].map((i) => i.naturalWidth));
    await context.close();
    return { bytes, images };
}

async function main(chromium, url, folder) {
    const browser = await puppeteer.launch({ executablePath: chromium, headless: true,
        args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"] });
    const result = { errors: [], views: {}, first: await firstView(browser, url) };
    const page = await browser.newPage();
    page.on("pageerror", (error) => result.errors.push(String(error)));
    page.on("console", (m) => m.type() === "error" && result.errors.push(m.text()));
    page.on("request", (r) => {
        if (new URL(r.url()).origin !== new URL(url).origin)
            result.errors.push(`asks ${r.url()}`);
    });
    for (const scheme of ["light", "dark"]) {
        await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
        for (const [name, [width, height]] of Object.entries(widths)) {
            await page.setViewport({ width, height });
            for (const lang of languages) {
                await page.goto(`${url}?lang=${lang}`, { waitUntil: "networkidle0" });
                result.views[`${scheme} ${name} ${lang}`] = await look(page);
                await page.screenshot({ path: path.join(folder, `${scheme}-${name}-${lang}.png`) });
            }
        }
    }
    await page.goto(`${url}?lang=nb`);
    result.keys = await byKeys(page);
    const before = await page.evaluate(() => document.querySelector("time").dateTime);
    await page.waitForFunction((t) => document.querySelector("time").dateTime > t,
        { timeout: 60000 }, before);
    result.lives = true;
    await page.setJavaScriptEnabled(false);
    await page.goto(`${url}?lang=en`);
    result.plain = await page.evaluate(() => document.body.innerText.replace(/\u00a0/g, " "));
    await browser.close();
    console.log(JSON.stringify(result));
}

main(...process.argv.slice(2)).catch((error) => {
    console.error(error);
    process.exit(1);
});
