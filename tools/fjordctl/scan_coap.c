/* SPDX-License-Identifier: EUPL-1.2 */
/* `scan coap [IFACE]`: who answers All-CoAP-Nodes (RFC 7252, section 8), and what it says that it
 * has (RFC 6690). Needs no daemon. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/status.h"
#include "base/timefmt.h"
#include "coap.h"
#include "protocol/coap_message.h"

#define PORT		5683
#define MAX_WAYS	32
#define MAX_FOUND	256
#define LIST_MAX	65536
#define DEFAULT_WAIT_US INT64_C(6000000) /* DEFAULT_LEISURE is 5 s: so long may answers take */
#define AGAIN_US	INT64_C(1000000) /* a datagram may be lost: each question is asked twice */
#define BLOCK_WAIT_US	INT64_C(1000000)
#define BLOCK_TRIES	4
#define HOPS		4
#define TOKEN_SIZE	4
#define OUTPUT_MAX	(8u << 20)

/* One interface and address family that is asked. */
struct way {
	char iface[IF_NAMESIZE];
	unsigned index;
	bool v6;
	int fd;
	uint8_t token[TOKEN_SIZE];
	uint16_t mid;
	char why[160]; /* nothing could be sent: why */
};

/* One that answered. */
struct found {
	struct sockaddr_storage from;
	const struct way *way;
	uint8_t code; /* of its first answer */
	struct fg_buf list;
	bool whole;	   /* no block is missing */
	unsigned next_szx; /* the next block to ask for, as in Block2 */
	uint64_t next_num;
	int tries;
	int64_t ask_us;
	struct ctl_resources resources;
};

struct scan {
	const struct ctl *ctl;
	struct way ways[MAX_WAYS];
	size_t way_count;
	struct found *found;
	size_t found_count;
	unsigned malformed, strangers; /* datagrams that are no CoAP, or no answer to us */
	bool full;
	int64_t wait_us;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* ---- ways out ---- */

static void tell_interfaces(const char *wrong)
{
	struct if_nameindex *list = if_nameindex();

	fprintf(stderr, "fjordctl: no network interface '%s'; there are", wrong);
	for (struct if_nameindex *i = list; i && i->if_name; i++)
		fprintf(stderr, "%s %s", i == list ? "" : ",", i->if_name);
	fprintf(stderr, "\n");
	if_freenameindex(list);
}

static void add_way(struct scan *s, const char *iface, bool v6)
{
	struct way *w = &s->ways[s->way_count];

	for (size_t i = 0; i < s->way_count; i++)
		if (strcmp(s->ways[i].iface, iface) == 0 && s->ways[i].v6 == v6)
			return;
	if (s->way_count == MAX_WAYS)
		return;
	s->way_count++;
	*w = (struct way){.index = if_nametoindex(iface), .v6 = v6, .fd = -1};
	snprintf(w->iface, sizeof(w->iface), "%s", iface);
	if (getrandom(w->token, sizeof(w->token), 0) != sizeof(w->token) ||
		getrandom(&w->mid, sizeof(w->mid), 0) != sizeof(w->mid))
		snprintf(w->why, sizeof(w->why), "no random numbers");
}

/* All that are up, or the one that was named. */
static int find_ways(struct scan *s, const char *wanted)
{
	struct ifaddrs *list = NULL;
	bool known = false, up = false;

	if (wanted && !if_nametoindex(wanted)) {
		tell_interfaces(wanted);
		return EX_USAGE;
	}
	if (getifaddrs(&list) < 0)
		return EX_OSERR;
	for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
		unsigned flags = a->ifa_flags;
		int family = a->ifa_addr ? a->ifa_addr->sa_family : AF_UNSPEC;

		if (wanted ? strcmp(a->ifa_name, wanted) != 0
			   : flags & IFF_LOOPBACK || !(flags & IFF_MULTICAST))
			continue;
		known = true;
		up |= (flags & IFF_UP) != 0;
		if (flags & IFF_UP && (family == AF_INET || family == AF_INET6))
			add_way(s, a->ifa_name, family == AF_INET6);
	}
	freeifaddrs(list);
	if (s->way_count)
		return EX_OK;
	if (wanted)
		fprintf(stderr, "fjordctl: interface %s %s\n", wanted,
			known && !up ? "is down: ip link set it up" : "has no address");
	else
		fprintf(stderr, "fjordctl: no network interface is up that can multicast; name one "
				"if it is another\n");
	return EX_UNAVAILABLE;
}

static int open_way(struct way *w)
{
	const struct ip_mreqn out = {.imr_ifindex = (int)w->index};
	int index = (int)w->index, hops = HOPS, r;

	w->fd = socket(w->v6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (w->fd < 0)
		return -errno;
	if (w->v6)
		r = setsockopt(w->fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, &index, sizeof(index)) ||
		    setsockopt(w->fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, &hops, sizeof(hops));
	else
		r = setsockopt(w->fd, IPPROTO_IP, IP_MULTICAST_IF, &out, sizeof(out)) ||
		    setsockopt(w->fd, IPPROTO_IP, IP_MULTICAST_TTL, &hops, sizeof(hops));
	return r ? -errno : FG_OK;
}

static const char *send_fault(int err)
{
	switch (err) {
	case ENETUNREACH:
	case EHOSTUNREACH:
		return "no route for multicast there";
	case EPERM:
	case EACCES:
		return "not permitted: a firewall rule, or rights that are missing";
	case EADDRNOTAVAIL:
	case ENODEV:
		return "it has no usable address (yet)";
	case ENETDOWN:
		return "the network is down";
	default:
		return strerror(err);
	}
}

/* ---- messages ---- */

static void put_path(struct fg_buf *out, unsigned *last)
{
	fg_coap_put_option(out, last, FG_COAP_OPT_URI_PATH, ".well-known", 11);
	fg_coap_put_option(out, last, FG_COAP_OPT_URI_PATH, "core", 4);
}

static bool ask_group(struct way *w, const char *group)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(PORT)};
	struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(PORT)};
	char mem[64];
	struct fg_buf out;
	unsigned last = 0;
	ssize_t n;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_coap_put_head(&out, FG_COAP_NON, 1, w->mid++, w->token, TOKEN_SIZE);
	put_path(&out, &last);
	six.sin6_scope_id = w->index;
	inet_pton(w->v6 ? AF_INET6 : AF_INET, group,
		w->v6 ? (void *)&six.sin6_addr : (void *)&four.sin_addr);
	n = w->v6 ? sendto(w->fd, mem, out.len, 0, (struct sockaddr *)&six, sizeof(six))
		  : sendto(w->fd, mem, out.len, 0, (struct sockaddr *)&four, sizeof(four));
	if (n < 0)
		snprintf(w->why, sizeof(w->why), "%s", send_fault(errno));
	return n >= 0;
}

/* RFC 7252, 12.8. True where anything went out. */
static bool ask_all(struct scan *s)
{
	bool any = false;

	for (size_t i = 0; i < s->way_count; i++) {
		struct way *w = &s->ways[i];

		if (w->fd < 0)
			continue;
		if (w->v6) {
			bool local = ask_group(w, "ff02::fd"), site = ask_group(w, "ff05::fd");

			any |= local || site;
			if (local)
				w->why[0] = '\0';
		} else {
			any |= ask_group(w, "224.0.1.187");
		}
	}
	return any;
}

static socklen_t length_of(const struct sockaddr_storage *a)
{
	return a->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* The next block of a list that did not fit into one message. */
static void ask_block(struct found *f, int64_t now_us)
{
	struct way *w = (struct way *)f->way;
	char mem[64];
	struct fg_buf out;
	unsigned last = 0;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_coap_put_head(&out, FG_COAP_CON, 1, w->mid++, w->token, TOKEN_SIZE);
	put_path(&out, &last);
	fg_coap_put_uint_option(
		&out, &last, FG_COAP_OPT_BLOCK2, f->next_num << 4 | f->next_szx);
	f->ask_us = now_us + BLOCK_WAIT_US;
	f->tries++;
	if (sendto(w->fd, mem, out.len, 0, (const struct sockaddr *)&f->from,
		    length_of(&f->from)) < 0)
		f->tries = BLOCK_TRIES;
}

/* An empty acknowledgement of what came confirmable. */
static void acknowledge(const struct way *w, const struct sockaddr_storage *to, uint16_t mid)
{
	char mem[8];
	struct fg_buf out;

	fg_buf_wrap(&out, mem, sizeof(mem));
	fg_coap_put_head(&out, FG_COAP_ACK, 0, mid, "", 0);
	if (sendto(w->fd, mem, out.len, 0, (const struct sockaddr *)to, length_of(to)) < 0)
		return; /* it repeats its answer, which is known then */
}

/* ---- answers ---- */

static bool same_address(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port && a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port && a6->sin6_scope_id == b6->sin6_scope_id &&
	       memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr)) == 0;
}

static struct found *find_or_add(
	struct scan *s, const struct way *w, const struct sockaddr_storage *from)
{
	struct found *f;

	for (size_t i = 0; i < s->found_count; i++)
		if (same_address(&s->found[i].from, from))
			return &s->found[i];
	if (s->found_count == MAX_FOUND) {
		s->full = true;
		return NULL;
	}
	f = &s->found[s->found_count++];
	f->from = *from;
	f->way = w;
	fg_buf_init(&f->list, LIST_MAX);
	return f;
}

/* Takes one block; what does not follow on what is there is not taken. */
static void take_block(struct found *f, const struct fg_coap_message *m, int64_t now_us)
{
	struct fg_coap_option o;
	uint64_t block = fg_coap_find_option(m, FG_COAP_OPT_BLOCK2, &o) ? fg_coap_option_uint(&o)
									 : 0;
	size_t size = (size_t)16 << (block & 7);

	if (block >> 4 != f->next_num || (block & 7) == 7 ||
		(block & 8 && m->payload_len != size))
		return;
	fg_buf_put(&f->list, m->payload, m->payload_len);
	f->whole = !(block & 8) || f->list.overflow;
	f->next_num++;
	f->next_szx = block & 7;
	f->tries = 0;
	if (!f->whole)
		ask_block(f, now_us);
}

static void take_answer(struct scan *s, const struct way *w, const struct sockaddr_storage *from,
	const uint8_t *bytes, size_t len, int64_t now_us)
{
	struct fg_coap_message m;
	struct found *f;

	if (fg_coap_parse(bytes, len, &m) < 0) {
		s->malformed++;
		return;
	}
	if (m.code >> 5 < 2 || m.token_len != TOKEN_SIZE ||
		memcmp(m.token, w->token, TOKEN_SIZE) != 0) {
		s->strangers += m.code != 0;
		return;
	}
	if (m.type == FG_COAP_CON)
		acknowledge(w, from, m.mid);
	f = find_or_add(s, w, from);
	if (!f || f->whole)
		return;
	if (!f->code || f->code >> 5 != 2)
		f->code = m.code;
	if (m.code == FG_COAP_CODE(2, 5))
		take_block(f, &m, now_us);
	else if (!f->list.len)
		f->whole = true; /* it answers, and lists nothing */
}

static void receive(struct scan *s, struct way *w)
{
	struct sockaddr_storage from = {.ss_family = AF_UNSPEC};
	uint8_t bytes[2048];
	socklen_t len = sizeof(from);
	ssize_t n;

	/* the loop ends with the queue of the socket, or to look at the clock */
	for (int i = 0; i < 64; i++) {
		n = recvfrom(w->fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &len);
		if (n < 0)
			return;
		take_answer(s, w, &from, bytes, (size_t)n, fg_clock_mono_us());
		len = sizeof(from);
	}
}

/* ---- the scan ---- */

/* Asks again for blocks that did not come; true while any are missing. */
static bool chase_blocks(struct scan *s, int64_t now_us)
{
	bool any = false;

	for (size_t i = 0; i < s->found_count; i++) {
		struct found *f = &s->found[i];

		if (f->whole || !f->list.len || f->tries >= BLOCK_TRIES)
			continue;
		any = true;
		if (now_us >= f->ask_us)
			ask_block(f, now_us);
	}
	return any;
}

static void show_progress(const struct scan *s, int64_t left_us)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%zu answered, %lld s to go ", s->found_count,
			(long long)(FG_MAX(left_us, INT64_C(0)) / 1000000));
}

static void listen_for(struct scan *s)
{
	int64_t start_us = fg_clock_mono_us(), now_us = start_us;
	int64_t end_us = start_us + s->wait_us, last_us = end_us + s->wait_us;
	struct pollfd fds[MAX_WAYS];
	bool asked_again = false;

	for (size_t i = 0; i < s->way_count; i++)
		fds[i] = (struct pollfd){.fd = s->ways[i].fd, .events = POLLIN};
	while (!interrupted && now_us < last_us &&
		(now_us < end_us || chase_blocks(s, now_us))) {
		if (!asked_again && now_us >= start_us + AGAIN_US) {
			ask_all(s);
			asked_again = true;
		}
		chase_blocks(s, now_us);
		show_progress(s, end_us - now_us);
		poll(fds, s->way_count, 100);
		for (size_t i = 0; i < s->way_count; i++)
			if (fds[i].revents)
				receive(s, &s->ways[i]);
		now_us = fg_clock_mono_us();
	}
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%40s\r", "");
	for (size_t i = 0; i < s->found_count; i++)
		ctl_resources_parse(&s->found[i].resources, s->found[i].list.data,
			s->found[i].list.len);
}

/* ---- what comes out ---- */

static const char *note_of(const struct found *f, char *mem, size_t size)
{
	char code[FG_COAP_CODE_TEXT];

	if (f->code >> 5 != 2)
		snprintf(mem, size, "answers %s", fg_coap_code_text(f->code, code));
	else if (!f->whole)
		snprintf(mem, size, "the rest of its list did not come");
	else if (f->resources.broken)
		snprintf(mem, size, "its list is no link format from some place on");
	else if (!f->resources.count)
		snprintf(mem, size, "lists nothing");
	else
		return NULL;
	return mem;
}

static void print_table(const struct scan *s)
{
	static const char *const heads[] = {"ADDRESS", "ON", CTL_RESOURCE_HEADS};
	struct ctl_table *t = ctl_table_new(heads, FG_COUNT(heads));
	char address[CTL_ADDRESS_TEXT], mem[100];

	for (size_t i = 0; i < s->found_count; i++) {
		const struct found *f = &s->found[i];
		const char *note = note_of(f, mem, sizeof(mem));

		for (size_t k = 0; k < f->resources.count || (k == 0 && note); k++) {
			ctl_table_cell(t, "%s", k ? "" : ctl_address_text(&f->from, address));
			ctl_table_cell(t, "%s", k ? "" : f->way->iface);
			if (k < f->resources.count) {
				ctl_resource_cells(t, &f->resources.items[k]);
				continue;
			}
			ctl_table_cell(t, "(%s)", note);
			for (int c = 0; c < 4; c++)
				ctl_table_cell(t, "-");
		}
	}
	ctl_table_print(t, s->ctl->color);
	ctl_table_free(t);
	for (size_t i = 0; i < s->found_count; i++) {
		const char *note = note_of(&s->found[i], mem, sizeof(mem));

		if (note && s->found[i].resources.count)
			printf("- %s: %s\n", ctl_address_text(&s->found[i].from, address), note);
	}
}

static void print_text(const struct scan *s)
{
	if (s->found_count)
		print_table(s);
	printf("%zu %s\n", s->found_count, s->found_count == 1 ? "answers" : "answer");
	for (size_t i = 0; i < s->way_count; i++)
		if (s->ways[i].why[0])
			printf("- %s, IPv%d: %s\n", s->ways[i].iface, s->ways[i].v6 ? 6 : 4,
				s->ways[i].why);
	if (s->malformed)
		printf("- %u datagrams came that are no CoAP messages\n", s->malformed);
	if (s->strangers)
		printf("- %u messages came that are no answers to this scan\n", s->strangers);
	if (s->full)
		printf("- more than %d answered; the rest is left out\n", MAX_FOUND);
	if (interrupted)
		printf("- interrupted\n");
	else if (!s->found_count)
		printf("- sensors that sleep, or keep to unicast, answer no scan: look for their "
		       "address in the router's list and use fjordctl probe coap coap://ADDRESS\n"
		       "- a firewall here must let answers in: they come from port %d to a port "
		       "that the system chose\n",
			PORT);
}

static void print_json(const struct scan *s)
{
	char address[CTL_ADDRESS_TEXT], uri[CTL_ADDRESS_TEXT + 8], mem[100];
	struct fg_buf out;
	struct fg_json j;

	fg_buf_init(&out, OUTPUT_MAX);
	fg_json_init(&j, &out);
	fg_json_object(&j, NULL);
	fg_json_array(&j, "asked");
	for (size_t i = 0; i < s->way_count; i++) {
		fg_json_object(&j, NULL);
		fg_json_text(&j, "interface", s->ways[i].iface);
		fg_json_int(&j, "ip", s->ways[i].v6 ? 6 : 4);
		if (s->ways[i].why[0])
			fg_json_text(&j, "error", s->ways[i].why);
		fg_json_end_object(&j);
	}
	fg_json_end_array(&j);
	fg_json_bool(&j, "interrupted", interrupted);
	fg_json_uint(&j, "malformed", s->malformed);
	fg_json_bool(&j, "more", s->full);
	fg_json_array(&j, "found");
	for (size_t i = 0; i < s->found_count; i++) {
		const struct found *f = &s->found[i];
		const char *note = note_of(f, mem, sizeof(mem));

		fg_json_object(&j, NULL);
		snprintf(uri, sizeof(uri), "coap://%s", ctl_address_text(&f->from, address));
		fg_json_text(&j, "address", address);
		fg_json_text(&j, "uri", uri);
		fg_json_text(&j, "interface", f->way->iface);
		ctl_resources_put(&j, &f->resources);
		if (note)
			fg_json_text(&j, "note", note);
		fg_json_end_object(&j);
	}
	fg_json_end_array(&j);
	fg_json_end_object(&j);
	puts(out.data);
	fg_buf_fini(&out);
}

/* ---- the command ---- */

static int run(struct scan *s)
{
	const struct sigaction act = {.sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND};

	for (size_t i = 0; i < s->way_count; i++) {
		int r = open_way(&s->ways[i]);

		if (r < 0)
			snprintf(s->ways[i].why, sizeof(s->ways[i].why), "%s", send_fault(-r));
		if (r < 0 && s->ways[i].fd >= 0) {
			close(s->ways[i].fd);
			s->ways[i].fd = -1;
		}
	}
	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	if (ask_all(s)) {
		fprintf(stderr,
			"asking All-CoAP-Nodes, for %lld s; Ctrl-C ends it with what was found\n",
			(long long)(s->wait_us / 1000000));
		listen_for(s);
	}
	if (s->ctl->json)
		print_json(s);
	else
		print_text(s);
	return interrupted || !s->found_count ? EX_TEMPFAIL : EX_OK;
}

int ctl_scan_coap(const struct ctl *ctl)
{
	struct scan *s = calloc(1, sizeof(*s));
	int code = EX_OSERR;

	if (s)
		s->found = calloc(MAX_FOUND, sizeof(*s->found));
	if (s && s->found) {
		s->ctl = ctl;
		s->wait_us = ctl->for_us ? ctl->for_us : DEFAULT_WAIT_US;
		code = find_ways(s, ctl->count > 2 ? ctl->words[2] : NULL);
	}
	if (code == EX_OK)
		code = run(s);
	for (size_t i = 0; s && i < s->way_count; i++)
		if (s->ways[i].fd >= 0)
			close(s->ways[i].fd);
	for (size_t i = 0; s && s->found && i < s->found_count; i++) {
		fg_buf_fini(&s->found[i].list);
		ctl_resources_free(&s->found[i].resources);
	}
	if (s)
		free(s->found);
	free(s);
	return code;
}
