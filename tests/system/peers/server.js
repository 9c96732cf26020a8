// SPDX-License-Identifier: EUPL-1.2
// A Modbus TCP server of npm's modbus-serial: unit 7 has holding registers 100 to 103 (a float
// and a counter of reads), and input register 5. Prints its port.
"use strict";
const net = require("net");
const Modbus = require("modbus-serial");

const registers = {100: 0x4164, 101: 0xcccd, 103: 9};
let reads = 0;
const vector = {
    getHoldingRegister(address, unit, done) {
        if (address === 102) reads += 1;
        const value = address === 102 ? reads : registers[address];
        if (value === undefined) done({modbusErrorCode: 2, msg: "no such address"}, null);
        else done(null, value);
    },
    getInputRegister(address, unit, done) {
        if (address === 5) done(null, 142);
        else done({modbusErrorCode: 2, msg: "no such address"}, null);
    },
};

// a free port first: the package tells no port that the system chose
const probe = net.createServer().listen(0, "127.0.0.1", () => {
    const port = probe.address().port;
    probe.close(() => {
        const server = new Modbus.ServerTCP(vector, {host: "127.0.0.1", port, unitID: 7});
        server.on("initialized", () => console.log(port));
        server.on("socketError", () => {});
    });
});
