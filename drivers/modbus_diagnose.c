/* SPDX-License-Identifier: EUPL-1.2 */
/* What was heard, in words, and what to try. */
#include "drivers/modbus_diagnose.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/json.h"
#include "base/status.h"
#include "drivers/modbus_frame.h"
#include "protocol/modbus_identity.h"

#define MAX_TRIES 6
#define SERIAL	  FG_ON_SERIAL
#define SERVER	  FG_ON_SERVER
#define TCP	  FG_ON_TCP
#define BUS	  (SERIAL | SERVER)
#define ANY	  (SERIAL | SERVER | TCP)

/* @u: unit asked, @o: unit that answered, @n: bytes heard, @p: port, @x: exception. */
struct advice {
	enum fg_heard_kind kind;
	unsigned on;
	unsigned exception; /* 0: any */
	const char *words;
	const char *tries[MAX_TRIES];
};

static const struct advice advices[] = {
	{FG_HEARD_NOTHING, SERIAL, 0, "unit @u: nothing came back, not one byte",
		{"is the instrument powered, and had the time to start?",
			"exchange the wires A and B: makers name them differently, and nothing "
			"breaks",
			"is it unit @u? `fjordctl scan modbus` asks all of them",
			"another baud rate or parity: `fjordctl scan modbus` with --baud all "
			"--parity all",
			"does the adapter's TX light blink? If not, it is another port, or the "
			"direction is not driven (rs485)",
			"it may need longer: --timeout 3s, or `timeout` in the configuration"}},
	{FG_HEARD_NOTHING, SERVER, 0,
		"unit @u: @p took the connection and the request, and nothing came back",
		{"do the serial server's baud rate, parity and stop bits fit the instrument?",
			"exchange the wires A and B at the serial server",
			"is it unit @u? `fjordctl scan modbus` asks all of them",
			"if the server converts to Modbus TCP itself, use tcp:// (driver "
			"modbus-tcp)",
			"it may need longer: --timeout 3s, or `timeout` in the configuration"}},
	{FG_HEARD_NOTHING, TCP, 0,
		"unit @u: @p took the connection and the request, and nothing came back",
		{"is it unit @u? A device without a bus behind it mostly answers to 1 or 255",
			"behind a gateway: wiring, power and baud rate of the instrument's bus",
			"a gateway may wait longer than we do: --timeout 3s",
			"if it passes RTU frames on as they are, use rtutcp:// (driver "
			"modbus-rtu-tcp)"}},
	{FG_HEARD_ECHO, BUS, 0,
		"unit @u: our own request came back (local echo) and no answer behind it",
		{"the echo itself is harmless, it is skipped: the adapter listens while it sends",
			"sending and receiving work, so look at the bus: wires A and B, power, "
			"unit id",
			"a loop: are TX and RX (or two pairs) joined at the far end, with no "
			"instrument there?"}},
	{FG_HEARD_HELD, BUS, 0,
		"unit @u: @n bytes came, all 00 or FF: a line that is held, not characters",
		{"exchange the wires A and B: swapped, the idle line reads as one long break",
			"no wire broken? no bias on the bus? A terminator of 120 Ω at both ends, "
			"no "
			"more",
			"another baud rate: `fjordctl scan modbus` with --baud all"}},
	{FG_HEARD_LONG_NOISE, BUS, 0,
		"unit @u: @n bytes came that are no frame, more than the answer has",
		{"the baud rate is wrong, most likely ours is too high: `fjordctl scan modbus` "
		 "with "
		 "--baud all",
			"or other devices, or another master, talk on the line meanwhile",
			"noise: shield, common ground, terminators"}},
	{FG_HEARD_NOISE, BUS, 0, "unit @u: @n bytes came that are no frame",
		{"the baud rate is wrong: `fjordctl scan modbus` with --baud all",
			"parity or stop bits are wrong: --parity all tries them",
			"wires A and B swapped, or noise: shield, common ground, terminators",
			"the instrument may speak another protocol (Modbus ASCII, SDI-12, its "
			"own): see its menu"}},
	{FG_HEARD_SHORT, BUS, 0, "unit @u: the answer began and broke off after @n bytes",
		{"ask for fewer registers at once (--count, max_registers): some have small "
		 "buffers",
			"it may need longer: --timeout 3s, or `timeout` in the configuration",
			"a loose wire, or an adapter that switches direction too late (rs485, "
			"rts_delay)"}},
	{FG_HEARD_DAMAGED, BUS, 0,
		"unit @u: an answer came, with damaged characters (wrong checksum)",
		{"parity or stop bits are wrong: `fjordctl scan modbus` with --parity all",
			"two instruments have the unit id @u and answer at once: take one off the "
			"line",
			"noise or reflections: shield, common ground, a terminator at both ends, a "
			"lower baud rate"}},
	{FG_HEARD_WRONG, BUS, 0, "unit @u: what came was not the answer (checksum, length or unit)",
		{"`fjordctl read` shows the bytes; `fjordctl probe modbus` says what they look "
		 "like",
			"parity, stop bits or baud rate are wrong",
			"two instruments with one unit id, or another master on the line",
			"noise: shield, common ground, terminators"}},
	{FG_HEARD_WRONG, TCP, 0, "unit @u: what came was not the answer",
		{"another program talks to the same device through a gateway that mixes answers up",
			"if it passes RTU frames on as they are, use rtutcp:// (driver "
			"modbus-rtu-tcp)"}},
	{FG_HEARD_OTHER_UNIT, ANY, 0, "unit @o answered, though unit @u was asked",
		{"another master asks on the same line: there may be one only",
			"the answer to an earlier request came late: a longer --timeout",
			"the instrument has unit id @o: ask that one"}},
	{FG_HEARD_OTHER_ANSWER, ANY, 0, "unit @u: an answer came that is not to this request",
		{"the answer to an earlier request came late: a longer --timeout",
			"another master asks the same instrument",
			"the instrument gives another number of registers than it was asked for: "
			"try another --count"}},
	{FG_HEARD_NOT_MODBUS, TCP, 0, "what answers at @p does not speak Modbus TCP",
		{"if it is a serial server that passes RTU frames on, use rtutcp:// (driver "
		 "modbus-rtu-tcp)",
			"another port: Modbus TCP has 502; is it the device's web page or console "
			"that answers?"}},
	{FG_HEARD_REFUSAL, ANY, 1,
		"unit @u answers and refuses: exception 1, it does not know this function",
		{"the other table: input instead of holding, or the other way",
			"wiring, baud rate, parity and unit id are right"}},
	{FG_HEARD_REFUSAL, ANY, 2,
		"unit @u answers and refuses: exception 2, it has no such address",
		{"one less: manuals count from 1, the wire from 0 (40001 and 30001 are address 0)",
			"the other table: input instead of holding, or the other way",
			"fewer at once: a read must not pass the last register, or a gap",
			"wiring, baud rate, parity and unit id are right"}},
	{FG_HEARD_REFUSAL, ANY, 3,
		"unit @u answers and refuses: exception 3, it does not like the count",
		{"fewer registers at once (--count, max_registers), or an even number",
			"some let a value be read only whole: two registers for 32 bits",
			"wiring, baud rate, parity and unit id are right"}},
	{FG_HEARD_REFUSAL, ANY, 4, "unit @u answers: exception 4, it could not do it",
		{"the instrument's own fault: its menu or lights say more",
			"some give it for an address that is not there: one less, or the other "
			"table"}},
	{FG_HEARD_REFUSAL, ANY, 5, "unit @u answers: exception 5, it needs longer",
		{"ask again after a few seconds; it may be measuring or starting"}},
	{FG_HEARD_REFUSAL, ANY, 6, "unit @u answers: exception 6, it is busy",
		{"ask again after a few seconds; it may be measuring or starting",
			"another master may be using it"}},
	{FG_HEARD_REFUSAL, ANY, 10, "the gateway answers for unit @u: exception 10, no path to it",
		{"the gateway has no bus for this unit id: its routing table or its unit range",
			"for the gateway itself try unit 255, 1 or 0"}},
	{FG_HEARD_REFUSAL, ANY, 11,
		"the gateway answers for unit @u: exception 11, the instrument does not answer it",
		{"the gateway is reached; look at the bus behind it: power, wires A and B, unit id",
			"do the gateway's baud rate, parity and stop bits fit the instrument?",
			"the gateway's own time-out may be too short for the instrument"}},
	{FG_HEARD_REFUSAL, ANY, 0, "unit @u answers and refuses: exception @x",
		{"the instrument's manual says what it means by it"}},
	{FG_HEARD_NO_PORT, SERIAL, 0, "there is no port @p",
		{"is the adapter plugged in? `ls -l /dev/serial/by-id/` shows those that are",
			"a name under /dev/serial/by-id stays the same; ttyUSB0 may be ttyUSB1 "
			"today"}},
	{FG_HEARD_NO_PERMISSION, SERIAL, 0, "no permission to open @p",
		{"the user must be in the group dialout: `sudo usermod -aG dialout $USER`, then "
		 "log "
		 "in anew",
			"or run it with sudo"}},
	{FG_HEARD_BUSY, SERIAL, 0, "@p is in use by another program",
		{"end that program; a port has one master",
			"if it is the gateway, name its link instead of the port, or give its -c "
			"FILE or --socket: then the port is borrowed",
			"ModemManager, brltty and a login console (getty) take ports too"}},
	{FG_HEARD_NOT_SERIAL, SERIAL, 0, "@p is no serial port",
		{"`ls -l /dev/serial/by-id/` shows the serial ports"}},
	{FG_HEARD_PORT_GONE, SERIAL, 0, "@p failed while it was in use",
		{"the adapter was unplugged, or lost its power or its mind: plug it in anew",
			"`dmesg | tail` tells what the kernel saw"}},
	{FG_HEARD_NO_HOST, SERVER | TCP, 0, "@p: the name cannot be resolved",
		{"spelling; or give the address", "DNS: `getent hosts NAME`"}},
	{FG_HEARD_CONNECTION_REFUSED, SERVER | TCP, 0,
		"@p: connection refused: the host is there, and nothing listens on that port",
		{"another port: Modbus TCP has 502, serial servers mostly 4001 or 502",
			"is Modbus TCP switched on in the device's settings?",
			"some serve one client only: end the other"}},
	{FG_HEARD_UNREACHABLE, SERVER | TCP, 0, "@p: no answer to the attempt to connect",
		{"`ping` the host: power, cable, address, subnet",
			"a firewall between, or a list of allowed addresses in the device"}},
	{FG_HEARD_CONNECTION_LOST, SERVER | TCP, 0, "@p closed the connection",
		{"some serve one client only, and close for the next: end the other",
			"some close at a function or unit that they do not know",
			"if it passes RTU frames on as they are, use rtutcp://; else tcp://"}},
	{FG_HEARD_LINK_DOWN, SERIAL, 0, "the link is down: the port cannot be used",
		{"is the adapter plugged in? `ls -l /dev/serial/by-id/` shows those that are",
			"does another program use it? The gateway's log says why it failed"}},
	{FG_HEARD_LINK_DOWN, SERVER | TCP, 0, "the link is down: no connection to the device",
		{"host, port, cable, firewall: `ping` it; the gateway's log says why it failed",
			"some serve one client only: end the other"}},
};

/* ---- from what happened ---- */

unsigned fg_heard_on(const char *driver)
{
	return strcmp(driver, "modbus-rtu") == 0   ? SERIAL
	       : strcmp(driver, "modbus-tcp") == 0 ? TCP
						   : SERVER;
}

static bool is_held(const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (bytes[i] != 0x00 && bytes[i] != 0xFF)
			return false;
	return n > 0;
}

/* A whole frame anywhere in it; 0 where there is none. */
static size_t whole_frame(const uint8_t *bytes, size_t n, size_t *ret_at)
{
	for (size_t at = 0; at < n; at++)
		for (size_t len = FG_MIN(n - at, (size_t)FG_FRAME_MAX); len >= 5; len--)
			if (fg_frame_is_whole(bytes + at, len)) {
				*ret_at = at;
				return len;
			}
	return 0;
}

static void judge_rtu(const struct fg_raw *x, struct fg_heard *h)
{
	size_t echo = x->echo ? FG_MIN(x->sent_len, x->heard_len) : 0, at;
	const uint8_t *rx = x->heard + echo;
	size_t n = x->heard_len - echo, answer = fg_modbus_answer_bytes(x->pdu, x->pdu_len);

	h->bytes = n;
	h->echo = x->echo;
	if (n == 0)
		h->kind = x->echo ? FG_HEARD_ECHO : FG_HEARD_NOTHING;
	else if (is_held(rx, n))
		h->kind = FG_HEARD_HELD;
	else if (whole_frame(rx, n, &at)) {
		h->kind = rx[at] == x->unit ? FG_HEARD_OTHER_ANSWER : FG_HEARD_OTHER_UNIT;
		h->other_unit = rx[at];
	} else if (answer && n >= answer + 3 && n <= answer + 4 &&
		   (rx[0] == x->unit || rx[1] == x->pdu[0]))
		h->kind = FG_HEARD_DAMAGED;
	else if (n >= 2 && rx[0] == x->unit && (rx[1] & 0x7F) == x->pdu[0])
		h->kind = answer && n < answer + 3 ? FG_HEARD_SHORT : FG_HEARD_DAMAGED;
	else
		h->kind = answer && n > answer + 4 ? FG_HEARD_LONG_NOISE : FG_HEARD_NOISE;
}

static void judge_tcp(const struct fg_raw *x, struct fg_heard *h)
{
	h->bytes = x->heard_len;
	if (x->heard_len == 0) {
		h->kind = FG_HEARD_NOTHING;
	} else if (x->heard_len < 8 || x->heard[2] || x->heard[3]) {
		h->kind = FG_HEARD_NOT_MODBUS;
	} else if (x->heard[6] != x->unit) {
		h->kind = FG_HEARD_OTHER_UNIT;
		h->other_unit = x->heard[6];
	} else {
		h->kind = FG_HEARD_OTHER_ANSWER;
	}
}

bool fg_heard_from_raw(const struct fg_raw *x, unsigned on, const char *port, struct fg_heard *ret)
{
	*ret = (struct fg_heard){.on = on, .unit = x->unit, .port = port};
	if (x->status == FG_OK) {
		if (x->answer_len != 2 || !(x->answer[0] & 0x80))
			return false;
		ret->kind = FG_HEARD_REFUSAL;
		ret->exception = x->answer[1];
	} else if (x->status != FG_ETIMEOUT && x->status != FG_EFRAME) {
		fg_heard_from_open(x->status, on, port, ret);
		ret->unit = x->unit;
	} else if (on == TCP) {
		judge_tcp(x, ret);
	} else {
		judge_rtu(x, ret);
	}
	return true;
}

bool fg_heard_from_reason(
	enum fg_reason reason, unsigned detail, unsigned on, unsigned unit, struct fg_heard *ret)
{
	*ret = (struct fg_heard){.on = on, .unit = unit, .exception = detail, .port = "the device"};
	switch (reason) {
	case FG_REASON_NO_RESPONSE:
		ret->kind = FG_HEARD_NOTHING;
		return true;
	case FG_REASON_FRAME:
		ret->kind = FG_HEARD_WRONG;
		return true;
	case FG_REASON_EXCEPTION:
		ret->kind = FG_HEARD_REFUSAL;
		return true;
	case FG_REASON_LINK_DOWN:
		ret->kind = FG_HEARD_LINK_DOWN;
		return true;
	default:
		return false;
	}
}

static enum fg_heard_kind kind_of_port(int status)
{
	switch (status) {
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
		return FG_HEARD_NO_PORT;
	case -EACCES:
	case -EPERM:
		return FG_HEARD_NO_PERMISSION;
	case -EBUSY:
	case -EAGAIN:
		return FG_HEARD_BUSY;
	case -ENOTTY:
	case -EINVAL:
	case -EISDIR:
		return FG_HEARD_NOT_SERIAL;
	default:
		return FG_HEARD_PORT_GONE;
	}
}

static enum fg_heard_kind kind_of_connection(int status)
{
	switch (status) {
	case -ECONNREFUSED:
		return FG_HEARD_CONNECTION_REFUSED;
	case -ENOENT:
		return FG_HEARD_NO_HOST;
	case -ECONNRESET:
	case -EPIPE:
	case -EIO:
		return FG_HEARD_CONNECTION_LOST;
	default:
		return FG_HEARD_UNREACHABLE;
	}
}

void fg_heard_from_open(int status, unsigned on, const char *port, struct fg_heard *ret)
{
	*ret = (struct fg_heard){.on = on, .port = port};
	ret->kind = on == SERIAL ? kind_of_port(status) : kind_of_connection(status);
}

/* ---- in words ---- */

static const struct advice *find_advice(const struct fg_heard *h)
{
	for (size_t i = 0; i < FG_COUNT(advices); i++)
		if (advices[i].kind == h->kind && advices[i].on & h->on &&
			(!advices[i].exception || advices[i].exception == h->exception))
			return &advices[i];
	return NULL;
}

static void put(const struct fg_heard *h, const char *text, struct fg_buf *out)
{
	for (; *text; text++) {
		if (*text != '@') {
			fg_buf_putc(out, *text);
			continue;
		}
		switch (*++text) {
		case 'u':
			fg_buf_put_uint(out, h->unit);
			break;
		case 'o':
			fg_buf_put_uint(out, h->other_unit);
			break;
		case 'n':
			fg_buf_put_uint(out, h->bytes);
			break;
		case 'x':
			fg_buf_put_uint(out, h->exception);
			break;
		default:
			fg_buf_puts(out, h->port ? h->port : "the port");
		}
	}
}

void fg_heard_words(const struct fg_heard *h, struct fg_buf *out)
{
	const struct advice *a = find_advice(h);

	put(h, a ? a->words : "the exchange failed", out);
	if (h->echo && h->kind != FG_HEARD_ECHO)
		fg_buf_puts(out, " (behind our own request: local echo, which is harmless)");
}

bool fg_heard_try(const struct fg_heard *h, size_t i, struct fg_buf *out)
{
	const struct advice *a = find_advice(h);

	if (!a || i >= MAX_TRIES || !a->tries[i])
		return false;
	put(h, a->tries[i], out);
	return true;
}

void fg_heard_put(const struct fg_heard *h, struct fg_json *j)
{
	char mem[600];
	struct fg_buf line;

	fg_buf_wrap(&line, mem, sizeof(mem));
	fg_heard_words(h, &line);
	fg_json_text(j, "diagnosis", mem);
	fg_json_array(j, "try");
	for (size_t i = 0;; i++) {
		fg_buf_clear(&line);
		if (!fg_heard_try(h, i, &line))
			break;
		fg_json_text(j, NULL, mem);
	}
	fg_json_end_array(j);
}
