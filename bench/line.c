/* SPDX-License-Identifier: EUPL-1.2 */
/* bench_line --tty PATH [--baud 9600] --units 1,2,3: a serial line on a pty pair, 8N1, with devices
 * that answer functions 3 and 4. A byte takes ten bit times, either way; a device answers 3.5
 * characters after the request's last byte. At SIGTERM it prints what it saw, as JSON. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define REQUEST 8
#define UNITS	256
#define TIMES	100000

struct line {
	int master, slave;
	int64_t char_ns, quiet_ns; /* a character; when the line fell silent */
	bool alive[UNITS];
	int64_t least_silence_ns;
	int64_t *asked[UNITS]; /* when its answers began */
	size_t count[UNITS];
	size_t collisions, strange;
};

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

/* bench: the one clock that both sides of the line have */
static int64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

static void sleep_until(int64_t ns)
{
	struct timespec ts = {.tv_sec = (time_t)(ns / 1000000000), .tv_nsec = ns % 1000000000};

	while (!stop && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static uint16_t crc16(const uint8_t *bytes, size_t len)
{
	uint16_t crc = 0xFFFF;

	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xA001 : crc >> 1);
	}
	return crc;
}

static size_t make_answer(const uint8_t *request, uint8_t *answer)
{
	size_t bytes = 2u * (size_t)(request[4] << 8 | request[5]), len = 3 + bytes;
	uint16_t crc;

	answer[0] = request[0];
	answer[1] = request[1];
	answer[2] = (uint8_t)bytes;
	for (size_t i = 0; i < bytes; i++)
		answer[3 + i] = (uint8_t)i;
	crc = crc16(answer, len);
	answer[len] = (uint8_t)(crc & 0xFF);
	answer[len + 1] = (uint8_t)(crc >> 8);
	return len + 2;
}

/* Puts bytes on the line, each when it is over. */
static void send_answer(struct line *l, const uint8_t *bytes, size_t len, int64_t start_ns)
{
	for (size_t i = 0; i < len && !stop; i++) {
		sleep_until(start_ns + (int64_t)(i + 1) * l->char_ns);
		if (write(l->master, bytes + i, 1) != 1)
			l->strange++;
	}
	l->quiet_ns = now_ns();
}

static void note(struct line *l, unsigned unit, int64_t at_ns)
{
	if (!l->asked[unit])
		l->asked[unit] = calloc(TIMES, sizeof(int64_t));
	if (l->asked[unit] && l->count[unit] < TIMES)
		l->asked[unit][l->count[unit]++] = at_ns;
}

/* A request of which the first byte came at `at_ns`. */
static void serve(struct line *l, const uint8_t *request, int64_t at_ns)
{
	uint8_t answer[256];
	int64_t end_ns = at_ns + REQUEST * l->char_ns;
	unsigned count = (unsigned)(request[4] << 8 | request[5]);
	struct pollfd p = {.fd = l->master, .events = POLLIN};

	l->quiet_ns = end_ns;
	if (crc16(request, REQUEST) || (request[1] != 3 && request[1] != 4) || count < 1 ||
		count > 125) {
		l->strange++;
		return;
	}
	if (!l->alive[request[0]])
		return;
	send_answer(l, answer, make_answer(request, answer), end_ns + l->char_ns * 7 / 2);
	note(l, request[0], at_ns);
	if (poll(&p, 1, 0) > 0) /* somebody spoke in between */
		l->collisions++;
}

static void run(struct line *l)
{
	uint8_t request[REQUEST];
	size_t have = 0;
	int64_t at_ns = 0;
	bool first = true;

	while (!stop) {
		struct pollfd p = {.fd = l->master, .events = POLLIN};
		ssize_t n;

		if (poll(&p, 1, 1000) <= 0)
			continue;
		if (have == 0) {
			int64_t silence_ns;

			at_ns = now_ns();
			silence_ns = at_ns - l->quiet_ns;
			if (!first && silence_ns < l->least_silence_ns)
				l->least_silence_ns = silence_ns;
			first = false;
		}
		n = read(l->master, request + have, REQUEST - have);
		if (n <= 0)
			continue;
		have += (size_t)n;
		if (have < REQUEST)
			continue;
		have = 0;
		serve(l, request, at_ns);
	}
}

static void print(const struct line *l)
{
	const char *separator = "";

	printf("{\"least_silence_us\": %lld, \"collisions\": %zu, \"strange\": %zu, \"asked_us\": "
	       "{",
		(long long)(l->least_silence_ns / 1000), l->collisions, l->strange);
	for (unsigned u = 0; u < UNITS; u++) {
		if (!l->count[u])
			continue;
		printf("%s\"%u\": [", separator, u);
		for (size_t i = 0; i < l->count[u]; i++)
			printf("%s%lld", i ? ", " : "", (long long)(l->asked[u][i] / 1000));
		printf("]");
		separator = ", ";
	}
	printf("}}\n");
}

static int open_pair(struct line *l, const char *path)
{
	struct termios tio;
	char name[64];

	l->master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (l->master < 0 || grantpt(l->master) < 0 || unlockpt(l->master) < 0 ||
		ptsname_r(l->master, name, sizeof(name)) != 0)
		return -1;
	l->slave = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC); /* kept: no end without a reader */
	if (l->slave < 0 || tcgetattr(l->slave, &tio) < 0)
		return -1;
	cfmakeraw(&tio);
	if (tcsetattr(l->slave, TCSANOW, &tio) < 0)
		return -1;
	unlink(path);
	return symlink(name, path);
}

/* "1,2,3" */
static void parse_units(struct line *l, const char *text)
{
	while (*text) {
		char *end;
		unsigned long unit = strtoul(text, &end, 10);

		if (end == text || unit >= UNITS)
			return;
		l->alive[unit] = true;
		text = *end == ',' ? end + 1 : end;
	}
}

int main(int argc, char **argv)
{
	static struct line l = {.least_silence_ns = INT64_MAX};
	struct sched_param now = {.sched_priority = 50};
	struct sigaction action = {.sa_handler = on_signal};
	const char *tty = NULL;
	long baud = 9600;

	for (int i = 1; i + 1 < argc; i += 2) {
		if (strcmp(argv[i], "--tty") == 0)
			tty = argv[i + 1];
		else if (strcmp(argv[i], "--baud") == 0)
			baud = strtol(argv[i + 1], NULL, 10);
		else if (strcmp(argv[i], "--units") == 0)
			parse_units(&l, argv[i + 1]);
	}
	if (!tty || baud < 300 || open_pair(&l, tty) < 0) {
		fprintf(stderr, "usage: bench_line --tty PATH [--baud N] --units 1,2,3\n");
		return 2;
	}
	l.char_ns = INT64_C(10000000000) / baud;
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	prctl(PR_SET_TIMERSLACK, 1);
	/* A wire keeps its time whatever the machine does; without the right to it, it is tried. */
	if (sched_setscheduler(0, SCHED_FIFO, &now) < 0)
		fprintf(stderr, "bench_line: no real-time priority\n");
	fprintf(stderr, "ready\n");
	run(&l);
	print(&l);
	unlink(tty);
	return 0;
}
