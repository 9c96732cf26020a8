// SPDX-License-Identifier: EUPL-1.2
// node latest.js URL PREFIX : the newest reading of every point, then each new one.
// Needs npm's mqtt: npm install mqtt
"use strict";
const mqtt = require("mqtt");

const [url = "mqtt://localhost:1883", prefix = "drammen"] = process.argv.slice(2);
const newest = new Map();
const client = mqtt.connect(url, { protocolVersion: 5 });

client.on("connect", () => client.subscribe(`${prefix}/obs/#`, { qos: 1 }));
client.on("error", (error) => console.error(String(error)));
client.on("message", (topic, payload) => {
    if (payload.length === 0) return; // the point is gone
    const reading = JSON.parse(payload);
    const before = newest.get(topic);
    if (before && before.time > reading.time) return; // a replay of something older
    newest.set(topic, reading);
    const good = reading.qc === 1 || reading.qc === 2;
    console.log(reading.time, topic.slice(prefix.length + 1), good ? reading.value : "-",
        reading.unit, `qc=${reading.qc}`);
});
