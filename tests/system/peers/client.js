// SPDX-License-Identifier: EUPL-1.2
// client.js PORT UNIT: reads fjordsim with npm's modbus-serial and prints what it got as JSON.
"use strict";
const Modbus = require("modbus-serial");

async function main(port, unit) {
    const client = new Modbus();
    await client.connectTCP("127.0.0.1", {port});
    client.setID(unit);
    client.setTimeout(5000);
    const got = {};
    got.level = (await client.readHoldingRegisters(0, 1)).data;
    got.flow = (await client.readInputRegisters(10, 2)).buffer.readFloatBE(0);
    try {
        await client.readHoldingRegisters(500, 1);
    } catch (error) {
        got.exception = error.modbusCode;
    }
    console.log(JSON.stringify(got));
    client.close(() => {});
}

main(Number(process.argv[2]), Number(process.argv[3])).catch((error) => {
    console.error(error);
    process.exit(1);
});
