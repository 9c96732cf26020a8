#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""tshark finds no fault in any frame that the drivers send, on serial lines and over TCP: those of
all transcripts, which a driver must send byte for byte. Left out (77) where there is no tshark."""
import pathlib
import shutil
import struct
import subprocess
import sys
import tempfile

RTU = 147  # DLT_USER0, told to be Modbus RTU
IPV4 = 228
FAULTY = "_ws.malformed || _ws.expert.severity >= 6291456 || !modbus || !"


def frames(folders):
    for path in sorted(pathlib.Path(__file__).parent.glob(folders + "/*.txt")):
        for line in path.read_text().splitlines():
            if line.startswith("> "):
                yield bytes.fromhex(line[2:])


def packet(number, frame):
    """The frame as the first bytes of a connection of its own to port 502."""
    host = bytes([127, 0, 0, 1])
    tcp = struct.pack(">HHIIBBHHH", 40000 + number, 502, 1, 1, 5 << 4, 0x18, 512, 0, 0)
    return struct.pack(">BBHHHBBH", 0x45, 0, 40 + len(frame), 0, 0, 64, 6, 0) + host + host + \
        tcp + frame


def capture(path, link_type, sent):
    with open(path, "wb") as f:
        f.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, link_type))
        for i, frame in enumerate(sent):
            f.write(struct.pack("<IIII", i, 0, len(frame), len(frame)) + frame)


def found(path, expression):
    done = subprocess.run(
        ["tshark", "-r", path, "-o", "mbrtu.crc_verification:TRUE", "-o",
         'uat:user_dlts:"User 0 (DLT=147)","mbrtu","0","","0",""', "-Y", expression],
        capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def judge(folder, name, link_type, sent, broken):
    """Whether nothing is found in what is sent, and something in what is broken."""
    capture(folder + "/sent.pcap", link_type, sent)
    capture(folder + "/broken.pcap", link_type, [broken])
    faults = found(folder + "/sent.pcap", FAULTY + name)
    seen = found(folder + "/broken.pcap", FAULTY + name)
    print("%s: %d frames, %d faulty" % (name, len(sent), len(faults)), *faults, sep="\n")
    return sent and seen and not faults


def main():
    if not shutil.which("tshark"):
        sys.exit(77)
    rtu, tcp = list(frames("modbus-rtu*")), list(frames("modbus-tcp"))
    crc = rtu[0][:-1] + bytes([rtu[0][-1] ^ 1])
    with tempfile.TemporaryDirectory() as folder:
        good = [judge(folder, "mbrtu", RTU, rtu, crc),
                judge(folder, "mbtcp", IPV4, [packet(i, f) for i, f in enumerate(tcp)],
                      packet(0, tcp[0][:-1]))]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
