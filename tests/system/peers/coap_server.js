// SPDX-License-Identifier: EUPL-1.2
// A CoAP server of npm's coap on the port of its first argument: /count can be observed and rises
// from the second argument on, each change a notification; /plain and /big never notify, and /big
// comes in blocks. Tells each request on a line of its own.
"use strict";
const coap = require("coap");

const [port, first] = process.argv.slice(2).map(Number);
let count = first;
const observers = new Set();

const server = coap.createServer((request, response) => {
    const observed = request.headers.Observe === 0;
    console.log(request.method, request.url, observed ? "observe" : "plain");
    response.on("error", () => observers.delete(response));
    if (request.url === "/count" && observed) {
        observers.add(response);
        response.on("finish", () => { observers.delete(response); console.log("finish"); });
        response.write(String(count));
    } else if (request.url === "/count") {
        response.end(String(count));
    } else if (request.url === "/big") {
        response.setOption("Content-Format", "application/json");
        response.end(JSON.stringify({padding: "x".repeat(5000), level: 42.5}));
    } else if (request.url === "/plain") {
        response.end("7");
    } else {
        response.code = "4.04";
        response.end();
    }
});
server.on("error", () => {});
server.listen(port, "127.0.0.1", () => console.log("ready"));
setInterval(() => {
    count += 1;
    for (const response of observers) response.write(String(count));
}, 300);
