#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""tshark finds no fault in any RTU frame that the driver sends: those of all transcripts, which the
driver must send byte for byte. Left out (77) where there is no tshark."""
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

LINK_TYPE = 147  # DLT_USER0, told to be Modbus RTU
FAULTY = "_ws.malformed || _ws.expert.severity >= 6291456 || !mbrtu || !modbus"


def frames():
    for path in sorted(pathlib.Path(__file__).parent.glob("modbus-rtu*/*.txt")):
        for line in path.read_text().splitlines():
            if line.startswith("> "):
                yield bytes.fromhex(line[2:])


def capture(path, sent):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, LINK_TYPE))
        for i, frame in enumerate(sent):
            f.write(struct.pack("<IIII", i, 0, len(frame), len(frame)) + frame)


def found(path, expression):
    done = subprocess.run(
        ["tshark", "-r", path, "-o", "mbrtu.crc_verification:TRUE", "-o",
         'uat:user_dlts:"User 0 (DLT=147)","mbrtu","0","","0",""', "-Y", expression],
        capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def main():
    if not shutil.which("tshark"):
        sys.exit(77)
    sent = list(frames())
    broken = [sent[0][:-1] + bytes([sent[0][-1] ^ 1])]  # what shows that faults are found
    with tempfile.TemporaryDirectory() as folder:
        capture(folder + "/sent.pcap", sent)
        capture(folder + "/broken.pcap", broken)
        faults = found(folder + "/sent.pcap", FAULTY)
        seen = found(folder + "/broken.pcap", FAULTY)
    print("%d frames, %d faulty" % (len(sent), len(faults)), *faults, sep="\n")
    sys.exit(1 if faults or not seen or not sent else 0)


if __name__ == "__main__":
    main()
