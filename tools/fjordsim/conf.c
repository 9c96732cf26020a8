/* SPDX-License-Identifier: EUPL-1.2 */
/* The simulator's file: its keys, its checks, and the model made from it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/cleanup.h"
#include "base/status.h"
#include "sim.h"

static const struct fg_choice tables[] = {
	{.name = "holding", .value = SIM_HOLDING},
	{.name = "input", .value = SIM_INPUT},
	{.name = "coil", .value = SIM_COIL},
	{.name = "discrete", .value = SIM_DISCRETE},
	{0},
};

static const struct fg_choice types[] = {
	{.name = "bool", .value = SIM_BOOL},
	{.name = "u16", .value = SIM_U16},
	{.name = "i16", .value = SIM_I16},
	{.name = "u32", .value = SIM_U32},
	{.name = "i32", .value = SIM_I32},
	{.name = "u64", .value = SIM_U64},
	{.name = "i64", .value = SIM_I64},
	{.name = "f32", .value = SIM_F32},
	{.name = "float32", .value = SIM_F32},
	{.name = "f64", .value = SIM_F64},
	{.name = "float64", .value = SIM_F64},
	{.name = "bcd16", .value = SIM_BCD16},
	{.name = "bcd32", .value = SIM_BCD32},
	{.name = "u8", .value = SIM_U8},
	{.name = "i8", .value = SIM_I8},
	{0},
};

static const struct fg_choice orders[] = {
	{.name = "ABCD", .value = SIM_ABCD},
	{.name = "CDAB", .value = SIM_CDAB},
	{.name = "BADC", .value = SIM_BADC},
	{.name = "DCBA", .value = SIM_DCBA},
	{.name = "AB", .value = SIM_ABCD},
	{.name = "BA", .value = SIM_BADC},
	{0},
};

static const struct fg_choice shapes[] = {
	{.name = "constant", .value = SIM_CONSTANT, .help = "mean"},
	{.name = "daily", .value = SIM_DAILY, .help = "highest at the local hour `peak`"},
	{.name = "tidal", .value = SIM_TIDAL, .help = "M2 and S2"},
	{.name = "walk", .value = SIM_WALK, .help = "wanders within mean ± amplitude"},
	{.name = "counter", .value = SIM_COUNTER, .help = "mean, and one more with each read"},
	{0},
};

static const struct fg_choice transports[] = {
	{.name = "modbus-tcp", .value = SIM_MODBUS_TCP},
	{.name = "modbus-rtu", .value = SIM_MODBUS_RTU},
	{.name = "coap", .value = SIM_COAP},
	{0},
};

#define POINT(member)	 offsetof(struct sim_point, member)
#define DEVICE(member)	 offsetof(struct sim_device, member)
#define ENDPOINT(member) offsetof(struct sim_endpoint, member)
#define FAULT(member)	 offsetof(struct sim_fault_conf, member)
#define CONF(member)	 offsetof(struct sim_conf, member)

static const struct fg_key point_keys[] = {
	{.name = "table",
		.type = FG_KEY_CHOICE,
		.offset = POINT(table),
		.dflt = "holding",
		.choices = tables,
		.help = "Modbus: the table."},
	{.name = "address",
		.type = FG_KEY_INT,
		.offset = POINT(address),
		.max = 65535,
		.dflt = "0",
		.help = "Modbus: as on the wire, from 0. Binary payloads: the first byte, from "
			"0."},
	{.name = "type",
		.type = FG_KEY_CHOICE,
		.offset = POINT(type),
		.dflt = "u16",
		.choices = types,
		.help = "How registers, or the bytes of a binary payload, hold the value."},
	{.name = "order",
		.type = FG_KEY_CHOICE,
		.offset = POINT(order),
		.dflt = "ABCD",
		.choices = orders,
		.help = "Word and byte order; of binary payloads DCBA is little-endian."},
	{.name = "scale",
		.type = FG_KEY_NUMBER,
		.offset = POINT(scale),
		.dflt = "1",
		.help = "value = register * scale + offset."},
	{.name = "offset",
		.type = FG_KEY_NUMBER,
		.offset = POINT(offset),
		.dflt = "0",
		.help = "See scale."},
	{.name = "path", .type = FG_KEY_TEXT, .offset = POINT(path), .help = "CoAP: the resource."},
	{.name = "json",
		.type = FG_KEY_TEXT,
		.offset = POINT(json),
		.help = "CoAP: where in the resource's JSON document; absent: text/plain."},
	{.name = "senml",
		.type = FG_KEY_TEXT,
		.offset = POINT(senml),
		.help = "SenML: the record's name, else the point's; LwM2M: the resource, "
			"3303/0/5700."},
	{.name = "unit",
		.type = FG_KEY_TEXT,
		.offset = POINT(unit),
		.max = 31,
		.help = "SenML: the record's `u`; LwM2M: resource 5701."},
	{.name = "decimals",
		.type = FG_KEY_INT,
		.offset = POINT(decimals),
		.max = 9,
		.dflt = "2",
		.help = "CoAP: digits behind the point."},
	{.name = "curve",
		.type = FG_KEY_CHOICE,
		.offset = POINT(curve.shape),
		.dflt = "constant",
		.choices = shapes,
		.help = "How the value goes."},
	{.name = "mean",
		.type = FG_KEY_NUMBER,
		.offset = POINT(curve.mean),
		.dflt = "0",
		.help = "The middle of the curve."},
	{.name = "amplitude",
		.type = FG_KEY_NUMBER,
		.offset = POINT(curve.amplitude),
		.dflt = "0",
		.help = "How far it goes to either side."},
	{.name = "noise",
		.type = FG_KEY_NUMBER,
		.offset = POINT(curve.noise),
		.fmax = 1e9,
		.dflt = "0",
		.help = "Standard deviation of what is added, new each second."},
	{.name = "peak",
		.type = FG_KEY_NUMBER,
		.offset = POINT(curve.peak),
		.fmax = 24,
		.dflt = "15",
		.help = "Daily: the local hour of the highest value."},
	{0},
};

static const struct fg_key fault_keys[] = {
	{.name = "kind",
		.type = FG_KEY_CHOICE,
		.flags = FG_KEY_REQUIRED,
		.offset = FAULT(kind),
		.choices = sim_fault_names,
		.help = "What goes wrong."},
	{.name = "point",
		.type = FG_KEY_NAME,
		.offset = FAULT(point),
		.help = "Only where this point is read."},
	{.name = "after",
		.type = FG_KEY_DURATION,
		.offset = FAULT(after_us),
		.max = INT64_MAX,
		.dflt = "0s",
		.help = "From the start, or the reload."},
	{.name = "for",
		.type = FG_KEY_DURATION,
		.offset = FAULT(for_us),
		.max = INT64_MAX,
		.dflt = "0s",
		.help = "How long; 0: without end."},
	{.name = "repeat",
		.type = FG_KEY_DURATION,
		.offset = FAULT(repeat_us),
		.max = INT64_MAX,
		.dflt = "0s",
		.help = "Again each time this has passed."},
	{.name = "delay",
		.type = FG_KEY_DURATION,
		.offset = FAULT(delay_us),
		.max = INT64_MAX,
		.dflt = "2s",
		.help = "slow: how late."},
	{.name = "code",
		.type = FG_KEY_INT,
		.offset = FAULT(code),
		.min = 1,
		.max = 599,
		.dflt = "2",
		.help = "exception: the Modbus code; CoAP: 404 for 4.04."},
	{.name = "max_age",
		.type = FG_KEY_DURATION,
		.offset = FAULT(max_age_us),
		.max = INT64_MAX,
		.dflt = "0s",
		.help = "exception, CoAP: Max-Age of the refusal; 0: none."},
	{.name = "every",
		.type = FG_KEY_INT,
		.offset = FAULT(every),
		.min = 1,
		.max = 1000000,
		.dflt = "10",
		.help = "spike: each so many readings; duplicate, again: messages."},
	{.name = "amount",
		.type = FG_KEY_NUMBER,
		.offset = FAULT(amount),
		.dflt = "10",
		.help = "spike: how high; clock: seconds that it is ahead."},
	{.name = "value",
		.type = FG_KEY_TEXT,
		.offset = FAULT(value),
		.max = 31,
		.help = "stuck: at this number."},
	{0},
};

static int parse_faults(struct fg_bind *b, const struct fg_node *node, void *field)
{
	struct sim_faults *faults = field;
	struct sim_fault_conf *items;
	size_t wrong = 0;

	if (node->kind != FG_NODE_SEQUENCE || node->count > SIM_MAX_FAULTS) {
		fg_bind_error(b, node, "must be a list of at most %d faults", SIM_MAX_FAULTS);
		return FG_EINVAL;
	}
	items = fg_arena_array(b->arena, node->count, sizeof(*items));
	for (size_t i = 0; i < node->count; i++)
		wrong += fg_bind_struct(
			b, node->items[i], fault_keys, NULL, &items[i], NULL, node->items[i]->at);
	faults->items = items;
	faults->count = node->count;
	return wrong ? FG_EINVAL : FG_OK;
}

static const struct fg_key device_keys[] = {
	{.name = "endpoint",
		.type = FG_KEY_NAME,
		.offset = DEVICE(endpoint),
		.help = "Where it is reached; absent: it only pushes."},
	{.name = "resources",
		.type = FG_KEY_LIST,
		.offset = DEVICE(resources),
		.max = 64,
		.sub = sim_resource_keys,
		.size = sizeof(struct sim_resource),
		.help = "CoAP: what a path is more than text or JSON on request."},
	{.name = "push",
		.type = FG_KEY_STRUCT,
		.offset = DEVICE(push),
		.sub = sim_push_keys,
		.help = "CoAP: it wakes up and reports to a server."},
	{.name = "unit_id",
		.type = FG_KEY_INT,
		.offset = DEVICE(unit_id),
		.max = 255,
		.dflt = "1",
		.help = "Modbus: the unit id; with `count` that of the first copy."},
	{.name = "count",
		.type = FG_KEY_INT,
		.offset = DEVICE(count),
		.min = 1,
		.max = 255,
		.dflt = "1",
		.help = "Modbus: so many copies, at unit ids that follow each other."},
	{.name = "delay",
		.type = FG_KEY_DURATION,
		.offset = DEVICE(delay_us),
		.max = 60000000,
		.dflt = "0s",
		.help = "How long it takes to answer."},
	{.name = "vendor",
		.type = FG_KEY_TEXT,
		.offset = DEVICE(vendor),
		.max = 60,
		.help = "Modbus: what functions 17 and 43/14 say; without `vendor` and `product` "
			"they are refused."},
	{.name = "product",
		.type = FG_KEY_TEXT,
		.offset = DEVICE(product),
		.max = 60,
		.help = "Its product code."},
	{.name = "revision",
		.type = FG_KEY_TEXT,
		.offset = DEVICE(revision),
		.max = 60,
		.help = "Its revision."},
	{.name = "points",
		.type = FG_KEY_MAP,
		.flags = FG_KEY_REQUIRED,
		.offset = DEVICE(points),
		.sub = point_keys,
		.size = sizeof(struct sim_point),
		.help = "What it measures."},
	{.name = "faults",
		.type = FG_KEY_CUSTOM,
		.offset = DEVICE(faults),
		.parse = parse_faults,
		.form = "a list of faults",
		.help = "What goes wrong, and when."},
	{0},
};

static const struct fg_key endpoint_keys[] = {
	{.name = "kind",
		.type = FG_KEY_CHOICE,
		.flags = FG_KEY_REQUIRED,
		.offset = ENDPOINT(transport),
		.choices = transports,
		.help = "The protocol."},
	{.name = "listen",
		.type = FG_KEY_TEXT,
		.offset = ENDPOINT(listen),
		.help = "modbus-tcp, coap: ADDRESS:PORT; port 0 takes a free one."},
	{.name = "pty",
		.type = FG_KEY_PATH,
		.offset = ENDPOINT(pty),
		.help = "modbus-rtu: the link to the pseudo-terminal that is made here."},
	{.name = "psk_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = ENDPOINT(psk_file),
		.help = "coap: with it, DTLS or TLS; lines of identity:hexkey."},
	{.name = "cert_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = ENDPOINT(cert_file),
		.help = "coap: DTLS or TLS with this certificate (PEM)."},
	{.name = "key_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = ENDPOINT(key_file),
		.help = "Its key."},
	{.name = "ca_file",
		.type = FG_KEY_PATH,
		.flags = FG_KEY_FILE,
		.offset = ENDPOINT(ca_file),
		.help = "coap: clients must have a certificate of this authority."},
	{.name = "tcp",
		.type = FG_KEY_BOOL,
		.offset = ENDPOINT(tcp),
		.dflt = "false",
		.help = "coap: over TCP (RFC 8323) instead of UDP."},
	{.name = "multicast",
		.type = FG_KEY_TEXT,
		.offset = ENDPOINT(multicast),
		.max = 15,
		.help = "coap: answers to All-CoAP-Nodes on this network interface."},
	{0},
};

static const struct fg_key conf_keys[] = {
	{.name = "seed",
		.type = FG_KEY_INT,
		.offset = CONF(seed),
		.max = INT64_MAX,
		.dflt = "1",
		.help = "Decides all noise."},
	{.name = "control",
		.type = FG_KEY_PATH,
		.offset = CONF(control),
		.help = "A unix socket that takes orders, a line each."},
	{.name = "endpoints",
		.type = FG_KEY_MAP,
		.flags = FG_KEY_REQUIRED,
		.offset = CONF(endpoints),
		.sub = endpoint_keys,
		.size = sizeof(struct sim_endpoint),
		.help = "Where instruments are reached."},
	{.name = "devices",
		.type = FG_KEY_MAP,
		.flags = FG_KEY_REQUIRED,
		.offset = CONF(devices),
		.sub = device_keys,
		.size = sizeof(struct sim_device),
		.help = "The instruments."},
	{0},
};

/* ---- checks across keys ---- */

struct sim_endpoint *sim_find_endpoint(const struct sim_model *m, const char *name)
{
	struct sim_endpoint *e = m->conf.endpoints.items;

	for (size_t i = 0; name && i < m->conf.endpoints.count; i++)
		if (strcmp(e[i].name, name) == 0)
			return &e[i];
	return NULL;
}

static void check_endpoint(const struct sim_endpoint *e, struct fg_report *rep)
{
	bool serial = e->transport == SIM_MODBUS_RTU;

	if (serial ? !e->pty : !e->listen)
		fg_report_error(rep, e->node->at, "endpoints.%s: missing key '%s'", e->name,
			serial ? "pty" : "listen");
	if (serial ? e->listen != NULL : e->pty != NULL)
		fg_report_error(rep, e->node->at, "endpoints.%s: %s has no '%s'", e->name,
			transports[e->transport].name, serial ? "listen" : "pty");
	if (e->transport != SIM_COAP &&
		(e->psk_file || e->cert_file || e->key_file || e->ca_file || e->tcp ||
			e->multicast))
		fg_report_error(rep, e->node->at,
			"endpoints.%s: keys, certificates, tcp and multicast are for coap",
			e->name);
	if (!e->cert_file != !e->key_file || (e->ca_file && !e->cert_file))
		fg_report_error(rep, e->node->at,
			"endpoints.%s: cert_file and key_file belong together, and ca_file to them",
			e->name);
	if (e->multicast && (e->tcp || e->psk_file || e->cert_file))
		fg_report_error(rep, e->node->at, "endpoints.%s: multicast is for plain UDP alone",
			e->name);
}

static void check_points(
	const struct sim_device *d, const struct sim_endpoint *e, struct fg_report *rep)
{
	const struct sim_point *points = d->points.items;

	for (size_t i = 0; i < d->points.count; i++) {
		const struct sim_point *p = &points[i];

		if (e && e->transport == SIM_COAP && (!p->path || *p->path != '/'))
			fg_report_error(rep, p->node->at,
				"devices.%s.points.%s: needs a path that "
				"begins with '/'",
				d->name, p->name);
		if (p->json && *p->json != '/')
			fg_report_error(rep, p->node->at,
				"devices.%s.points.%s.json: must begin with '/'", d->name, p->name);
		if (p->scale == 0)
			fg_report_error(rep, p->node->at, "devices.%s.points.%s.scale: 0", d->name,
				p->name);
	}
}

static void check_faults(const struct sim_device *d, struct fg_report *rep)
{
	const struct sim_point *points = d->points.items;

	for (size_t i = 0; i < d->faults.count; i++) {
		const char *name = d->faults.items[i].point;
		bool found = !name;

		for (size_t k = 0; k < d->points.count; k++)
			found |= name && strcmp(points[k].name, name) == 0;
		if (!found)
			fg_report_error(rep, d->node->at, "devices.%s.faults: no point '%s'",
				d->name, name);
	}
}

static void check(const struct sim_model *m, struct fg_report *rep)
{
	const struct sim_endpoint *e = m->conf.endpoints.items;
	const struct sim_device *d = m->conf.devices.items;

	for (size_t i = 0; i < m->conf.endpoints.count; i++)
		check_endpoint(&e[i], rep);
	for (size_t i = 0; i < m->conf.devices.count; i++) {
		const struct sim_endpoint *at = sim_find_endpoint(m, d[i].endpoint);

		if (!at && d[i].endpoint)
			fg_report_error(rep, d[i].node->at, "devices.%s.endpoint: no endpoint '%s'",
				d[i].name, d[i].endpoint);
		else if (!at && !d[i].push.uri)
			fg_report_error(rep, d[i].node->at,
				"devices.%s: missing key 'endpoint', or a 'push' with its 'uri'",
				d[i].name);
		else
			check_points(&d[i], at, rep);
		sim_check_coap(&d[i], at, rep);
		check_faults(&d[i], rep);
		if (d[i].unit_id + d[i].count > 256)
			fg_report_error(
				rep, d[i].node->at, "devices.%s: unit ids end at 255", d[i].name);
		if ((!at || at->transport == SIM_COAP) && d[i].count > 1)
			fg_report_error(
				rep, d[i].node->at, "devices.%s.count: is for Modbus", d[i].name);
	}
}

/* ---- the model ---- */

static void copy_faults(struct sim_unit *u, int64_t now_us)
{
	for (size_t i = 0; i < u->device->faults.count; i++) {
		struct sim_fault *f = &u->faults[u->fault_count++];

		f->conf = u->device->faults.items[i];
		f->start_us = now_us;
		snprintf(f->point, sizeof(f->point), "%s", f->conf.point ? f->conf.point : "");
		snprintf(f->value, sizeof(f->value), "%s", f->conf.value ? f->conf.value : "");
	}
}

static void make_unit(struct sim_model *m, const struct sim_device *d, int64_t copy, int64_t now_us,
	struct fg_report *rep)
{
	struct sim_endpoint *e = sim_find_endpoint(m, d->endpoint);
	struct sim_unit *u = &m->units[m->unit_count++];

	u->device = d;
	u->unit_id = (uint8_t)(d->unit_id + copy);
	if (d->count > 1)
		snprintf(u->name, sizeof(u->name), "%s-%lld", d->name, (long long)copy + 1);
	else
		snprintf(u->name, sizeof(u->name), "%s", d->name);
	u->seed = (uint64_t)m->conf.seed * 1000003 + m->unit_count * 7919;
	u->states = fg_arena_array(m->arena, d->points.count, sizeof(*u->states));
	copy_faults(u, now_us);
	if (!e || e->transport == SIM_COAP)
		return;
	if (e->units[u->unit_id])
		fg_report_error(rep, d->node->at, "devices.%s: unit id %u of endpoint %s is %s's",
			d->name, u->unit_id, e->name, e->units[u->unit_id]->name);
	e->units[u->unit_id] = u;
}

static void make_units(struct sim_model *m, int64_t now_us, struct fg_report *rep)
{
	const struct sim_device *d = m->conf.devices.items;
	size_t n = 0;

	for (size_t i = 0; i < m->conf.devices.count; i++)
		n += (size_t)d[i].count;
	m->units = fg_arena_array(m->arena, n, sizeof(*m->units));
	for (size_t i = 0; i < m->conf.devices.count; i++)
		for (int64_t copy = 0; copy < d[i].count; copy++)
			make_unit(m, &d[i], copy, now_us, rep);
}

static int64_t zone_offset_us(void)
{
	time_t now = (time_t)(fg_clock_wall_us() / 1000000);
	struct tm local;

	return localtime_r(&now, &local) ? (int64_t)local.tm_gmtoff * 1000000 : 0;
}

int sim_model_load(
	const char *path, struct fg_report *rep, int64_t now_mono_us, struct sim_model **ret_model)
{
	struct fg_arena *arena = fg_arena_new();
	struct sim_model *m = fg_arena_alloc(arena, sizeof(*m));
	struct fg_bind bind = {.arena = arena, .rep = rep};
	struct fg_node *root = NULL;

	m->arena = arena;
	m->zone_us = zone_offset_us();
	if (fg_yaml_load_file(arena, path, path, rep, &root) < 0)
		goto fail;
	if (fg_bind_struct(&bind, root, conf_keys, NULL, &m->conf, NULL, root->at))
		goto fail;
	check(m, rep);
	if (fg_report_errors(rep))
		goto fail;
	make_units(m, now_mono_us, rep);
	if (fg_report_errors(rep))
		goto fail;
	*ret_model = m;
	return FG_OK;
fail:
	fg_arena_free(arena);
	return FG_ECONFIG;
}

void sim_model_free(struct sim_model *m)
{
	if (m)
		fg_arena_free(m->arena);
}
