// SPDX-License-Identifier: EUPL-1.2
// The board: what is retained at the broker is all it needs. README.md says how to put it up.
"use strict";

const query = new URLSearchParams(location.search);
const prefix = query.get("prefix") || "drammen";
const broker = query.get("broker") || `wss://${location.hostname || "localhost"}:8884`;

const texts = {
    nb: {
        title: "Badetemperatur og luft", language: "Språk", notices: "Driftsmeldinger",
        bathing: "Badetemperaturer", air: "Luftkvalitet", place: "Sted", temperature: "Temperatur",
        measured: "Målt", class: "Klasse", hour: "Time", connecting: "Kobler til …",
        online: "Tilkoblet. Verdiene oppdateres av seg selv.",
        offline: "Uten forbindelse. Verdiene er de siste som kom.", none: "Ingen målinger ennå",
        noValue: "mangler", suspect: "usikker", old: "gammel måling", from: "fra", to: "til",
        worst: "høyest:",
        keys: { low: "Lite", moderate: "Moderat", high: "Høyt", very_high: "Svært høyt",
            good: "God", fair: "Ganske god", poor: "Dårlig", very_poor: "Svært dårlig",
            extremely_poor: "Ekstremt dårlig" },
    },
    nn: {
        title: "Badetemperatur og luft", language: "Språk", notices: "Driftsmeldingar",
        bathing: "Badetemperaturar", air: "Luftkvalitet", place: "Stad", temperature: "Temperatur",
        measured: "Målt", class: "Klasse", hour: "Time", connecting: "Koplar til …",
        online: "Tilkopla. Verdiane blir oppdaterte av seg sjølve.",
        offline: "Utan samband. Verdiane er dei siste som kom.", none: "Ingen målingar enno",
        noValue: "manglar", suspect: "usikker", old: "gammal måling", from: "frå", to: "til",
        worst: "høgast:",
        keys: { low: "Lite", moderate: "Moderat", high: "Høgt", very_high: "Svært høgt",
            good: "God", fair: "Ganske god", poor: "Dårleg", very_poor: "Svært dårleg",
            extremely_poor: "Ekstremt dårleg" },
    },
    en: {
        title: "Bathing temperature and air", language: "Language", notices: "Service notices",
        bathing: "Bathing temperatures", air: "Air quality", place: "Place",
        temperature: "Temperature", measured: "Measured", class: "Class", hour: "Hour",
        connecting: "Connecting …", online: "Connected. Values update by themselves.",
        offline: "No connection. Values are the last that came.", none: "No readings yet",
        noValue: "missing", suspect: "uncertain", old: "old reading", from: "from", to: "to",
        worst: "highest:",
        keys: { low: "Low", moderate: "Moderate", high: "High", very_high: "Very high",
            good: "Good", fair: "Fair", poor: "Poor", very_poor: "Very poor",
            extremely_poor: "Extremely poor" },
    },
};
const pollutants = { no2: "NO₂", pm10: "PM10", pm25: "PM2.5", o3: "O₃", so2: "SO₂" };
const bathingMaxAge = 3600 * 1000;
const hourMaxAge = 3 * 3600 * 1000; // an hour is told a minute after its end

const titles = new Map(); // station: its name for people
const maxAges = new Map(); // topic: how old its newest reading may be
const temperatures = new Map(); // topic: reading
const hours = new Map(); // topic: hourly mean with a class
const notices = new Map(); // gateway: list
let lang = ["nb", "nn", "en"].find((l) => l === query.get("lang")) ||
    (/^nn/.test(navigator.language) ? "nn" : /^(nb|no)/.test(navigator.language) ? "nb" : "en");
let state = "connecting";

// ---- what comes ----

const handlers = [
    [/^obs\/bathing\/[^/]+\/water_temperature$/, take(temperatures)],
    [/^hourly\/air\/[^/]+\/(?!air_quality_)[^/]+$/, take(hours)], // the worst is found here
    [/^stations\/[^/]+\/[^/]+$/, takeStation],
    [/^gateways\/([^/]+)\/notices$/, (topic, told, [, gateway]) =>
        notices.set(gateway, told ? told.notices : [])],
];

// The newest of each topic; what a gateway sends after an outage may be older. An empty message
// says that the point is gone.
function take(map) {
    return (topic, told) => {
        const before = map.get(topic);
        if (!told) map.delete(topic);
        else if (!before || before.time <= told.time) map.set(topic, told);
    };
}

function takeStation(topic, told) {
    if (!told) return;
    titles.set(told.properties.station, told.properties.title);
    for (const point of told.properties.points) {
        maxAges.set(point.topic, point.max_age_s * 1000);
    }
}

function onMessage(topic, payload) {
    const tail = topic.slice(prefix.length + 1);
    for (const [pattern, handle] of handlers) {
        const found = tail.match(pattern);
        if (!found) continue;
        try {
            handle(topic, payload.length ? JSON.parse(payload) : null, found);
        } catch (error) {
            console.warn(topic, String(error)); // one message that is none of ours
        }
        schedule();
    }
}

// ---- what is shown ----

function element(name, text, className) {
    const e = document.createElement(name);
    if (text !== undefined) e.textContent = text; // never HTML: it comes from the network
    if (className) e.className = className;
    return e;
}

function clock(text) {
    const time = element("time", new Date(text).toLocaleString(
        lang === "en" ? "en-GB" : "nb-NO",
        { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" }));
    time.dateTime = text;
    return time;
}

function number(value, digits) {
    return value.toLocaleString(lang === "en" ? "en-GB" : "nb-NO",
        { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

function row(table, station, cell, last) {
    const r = element("tr"), head = element("th", titles.get(station) || station);
    head.scope = "row";
    r.append(head, cell, last);
    table.append(r);
}

function bathingRow(table, topic, reading) {
    const t = texts[lang], cell = element("td"), last = element("td");
    const usable = reading.value !== null && reading.qc < 4;
    cell.append(usable ? element("span", `${number(reading.value, 1)} °C`, "value")
        : element("span", t.noValue));
    if (usable && reading.qc === 3) cell.append(element("span", t.suspect, "note"));
    last.append(clock(reading.time));
    if (Date.now() - Date.parse(reading.time) > (maxAges.get(topic) || bathingMaxAge)) {
        last.append(element("span", t.old, "note"));
    }
    row(table, reading.station, cell, last);
}

// Of a station counts the worst class of its pollutants' newest hour.
function airRow(table, station, means) {
    const t = texts[lang], cell = element("td"), last = element("td");
    const newest = means.reduce((a, b) => (a.time > b.time ? a : b)).time;
    const classed = means.filter((m) => m.time === newest && m.class);
    const now = classed.filter((m) => m.class.scheme === classed[0].class.scheme);
    last.append(clock(newest));
    if (Date.now() - Date.parse(newest) > hourMaxAge) {
        last.append(element("span", t.old, "note"));
    }
    if (now.length === 0) {
        cell.append(element("span", t.noValue));
    } else {
        const worst = now.reduce((a, b) => (a.class.index >= b.class.index ? a : b));
        cell.append(element("span", t.keys[worst.class.key] || worst.class.key,
            `class class${Math.min(worst.class.index, 4)}`));
        cell.append(element("span", `${t.worst} ${pollutants[worst.property] || worst.property} ` +
            `${number(worst.value, 0)} µg/m³`, "note"));
    }
    row(table, station, cell, last);
}

function showNotices(list) {
    const t = texts[lang], now = Date.now();
    const open = [...notices.values()].flat().filter((n) => !n.to || Date.parse(n.to) > now);
    for (const n of open) {
        const item = element("li", n.text[lang]), when = element("span", undefined, "note");
        when.append(`${t.from} `, clock(n.from));
        if (n.to) when.append(` ${t.to} `, clock(n.to));
        item.append(when);
        list.append(item);
    }
    document.getElementById("notices").hidden = open.length === 0;
}

function body(id, show) {
    const part = document.querySelector(id), fresh = part.cloneNode(false);
    show(fresh);
    if (fresh.tagName === "TBODY" && fresh.rows.length === 0) {
        const r = element("tr"), cell = element("td", texts[lang].none);
        cell.colSpan = 3;
        r.append(cell);
        fresh.append(r);
    }
    part.replaceWith(fresh);
}

const byStation = (a, b) => (titles.get(a) || a).localeCompare(titles.get(b) || b, "nb");

function show() {
    const t = texts[lang];
    document.documentElement.lang = lang;
    document.title = t.title;
    for (const e of document.querySelectorAll("[data-text]")) e.textContent = t[e.dataset.text];
    document.querySelector("[data-label]").setAttribute("aria-label", t.language);
    for (const b of document.querySelectorAll("[data-lang]")) {
        b.setAttribute("aria-pressed", String(b.dataset.lang === lang));
    }
    const said = document.getElementById("state");
    if (said.textContent !== t[state]) said.textContent = t[state]; // else it is read out again
    body("#notices ul", showNotices);
    body("#bathing tbody", (table) => [...temperatures]
        .sort(([, a], [, b]) => byStation(a.station, b.station))
        .forEach(([topic, reading]) => bathingRow(table, topic, reading)));
    const groups = new Map();
    for (const mean of hours.values()) {
        groups.set(mean.station, [...(groups.get(mean.station) || []), mean]);
    }
    body("#air tbody", (table) => [...groups.keys()].sort(byStation)
        .forEach((station) => airRow(table, station, groups.get(station))));
}

let waiting = false;
function schedule() { // many messages come at once
    if (waiting) return;
    waiting = true;
    setTimeout(() => {
        waiting = false;
        show();
    }, 200);
}

// ---- begin ----

for (const b of document.querySelectorAll("[data-lang]")) {
    b.addEventListener("click", () => {
        lang = b.dataset.lang;
        show();
    });
}
show();
setInterval(show, 60000); // readings grow old, notices end

const client = mqtt.connect(broker, { protocolVersion: 5, reconnectPeriod: 5000 });
client.on("connect", () => {
    state = "online";
    client.subscribe([`${prefix}/obs/bathing/+/water_temperature`, `${prefix}/hourly/air/+/+`,
        `${prefix}/stations/+/+`, `${prefix}/gateways/+/notices`], { qos: 1 });
    schedule();
});
client.on("close", () => {
    state = "offline";
    schedule();
});
client.on("error", (error) => console.warn(String(error)));
client.on("message", onMessage);
