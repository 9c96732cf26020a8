// SPDX-License-Identifier: EUPL-1.2
// Sparkplug payloads through npm's sparkplug-payload: a line {"decode": HEX} or {"encode": OBJECT}
// is answered by a line, the payload or {"hex": HEX}; a fault by {"error": TEXT}.
"use strict";
const readline = require("readline");
const codec = require("sparkplug-payload").get("spBv1.0");

// some 64-bit numbers come as objects of the package "long"
function plain(key, value) {
    return value && value.low !== undefined ? Number(value.toString()) : value;
}

function answer(request) {
    if (request.decode !== undefined)
        return codec.decodePayload(Buffer.from(request.decode, "hex"));
    return {hex: Buffer.from(codec.encodePayload(request.encode)).toString("hex")};
}

readline.createInterface({input: process.stdin}).on("line", line => {
    let reply;
    try {
        reply = answer(JSON.parse(line));
    } catch (e) {
        reply = {error: String(e)};
    }
    process.stdout.write(JSON.stringify(reply, plain) + "\n");
});
