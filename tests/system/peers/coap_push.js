// SPDX-License-Identifier: EUPL-1.2
// Pushes with npm's coap: node coap_push.js HOST PORT PATH COUNT. Each message is a SenML pack with
// two records of their own times, sent confirmable, one after the other; codes are told a line each.
"use strict";
const coap = require("coap");

const [host, port, pathname, count] = process.argv.slice(2);
const start = Math.floor(Date.now() / 1000) - 100;

function send(i) {
    if (i === Number(count)) return;
    const request = coap.request({host, port: Number(port), pathname, method: "POST",
        confirmable: true, agent: new coap.Agent({type: "udp4"}),       // its own port each
        options: {"Content-Format": "application/senml+json"}});
    request.on("response", (response) => {
        console.log(response.code);
        setTimeout(send, 50, i + 1);
    });
    request.on("error", (error) => {
        console.log("lost", error.message);
        setTimeout(send, 100, i);       // the same batch once more
    });
    request.end(JSON.stringify([
        {bt: start + 2 * i, n: "n", v: 2 * i}, {n: "n", t: 1, v: 2 * i + 1}]));
}

send(0);
