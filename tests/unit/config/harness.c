/* SPDX-License-Identifier: EUPL-1.2 */
/* What the tests of the configuration share. */
#include "harness.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char good[] = "gateway:\n"
		    "  id: drammen-01\n"
		    "  title: Drammenselva\n"
		    "  licence: NLOD-2.0\n"
		    "  timezone: Europe/Oslo\n"
		    "stations:\n"
		    "  bragernes:\n"
		    "    title: Bragernes strand\n"
		    "    position: {latitude: 59.7421, longitude: 10.2012, elevation: 1.5}\n"
		    "  no:\n"
		    "    title: Nordre\n"
		    "storage:\n"
		    "  file: readings.db\n"
		    "  commit_interval: 1s\n"
		    "  max_size: 512MiB\n"
		    "  when_full: drop-oldest\n"
		    "mqtt:\n"
		    "  open-data:\n"
		    "    servers: [mqtts://mqtt.example.no:8883, mqtts://mqtt2.example.no]\n"
		    "    username: drammen-01\n"
		    "    password_file: password\n"
		    "    prefix: drammen\n"
		    "    payload: [json]\n"
		    "    select: {domains: [bathing, water]}\n"
		    "  local:\n"
		    "    servers: [mqtt://127.0.0.1:1883]\n"
		    "    prefix: local\n"
		    "clock:\n"
		    "  trust: auto\n"
		    "links:\n"
		    "  rs485:\n"
		    "    driver: modbus-rtu\n"
		    "    device: /dev/ttyS0\n"
		    "    baud: 9600\n"
		    "  plc:\n"
		    "    driver: modbus-tcp\n"
		    "    host: 127.0.0.1\n"
		    "  pond:\n"
		    "    driver: coap\n"
		    "    uri: \"coap://[fd00::5]\"\n"
		    "devices:\n"
		    "  weir-sonde:\n"
		    "    station: bragernes\n"
		    "    domain: water\n"
		    "    link: rs485\n"
		    "    unit_id: 5\n"
		    "    interval: 10s\n"
		    "    points:\n"
		    "      water_temperature:\n"
		    "        table: input\n"
		    "        address: 0\n"
		    "        type: float32\n"
		    "        order: CDAB\n"
		    "        unit: Cel\n"
		    "        missing: [0x7FC00000, -9999]\n"
		    "        qc:\n"
		    "          gross_range: {fail: [-2, 40], suspect: [0, 30]}\n"
		    "      ph:\n"
		    "        table: input\n"
		    "        address: 2\n"
		    "        type: u16\n"
		    "        scale: 0.01\n"
		    "        interval: 60s\n"
		    "  pier-probe:\n"
		    "    station: no\n"
		    "    domain: bathing\n"
		    "    link: plc\n"
		    "    unit_id: 3\n"
		    "    points:\n"
		    "      water_temperature:\n"
		    "        table: holding\n"
		    "        address: 10\n"
		    "        type: i16\n"
		    "        scale: 0.1\n"
		    "  air-node:\n"
		    "    station: bragernes\n"
		    "    domain: air\n"
		    "    link: pond\n"
		    "    points:\n"
		    "      pm25: {path: /sensors/pm25, unit: mg/m3}\n";

static char folder[] = "/tmp/fjordgate-config-XXXXXX";

int harness_enter(void **state)
{
	(void)state;
	unsetenv("FJORDGATE_PROFILES");
	return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int drop(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

int harness_leave(void **state)
{
	(void)state;
	return chdir("/") == 0 ? nftw(folder, drop, 16, FTW_DEPTH | FTW_PHYS) : -1;
}

void write_file(const char *path, const char *text, size_t len)
{
	FILE *f = fopen(path, "wb");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, len, f), len);
	assert_int_equal(fclose(f), 0);
}

void write_text(const char *path, const char *text)
{
	write_file(path, text, strlen(text));
}

char *edit(const char *text, const char *old, const char *replacement)
{
	const char *at = strstr(text, old);
	struct fg_buf b;

	if (!at)
		fail_msg("no '%s' in the text", old);
	fg_buf_init(&b, 1 << 20);
	fg_buf_put(&b, text, (size_t)(at - text));
	fg_buf_puts(&b, replacement);
	fg_buf_puts(&b, at + strlen(old));
	return b.data;
}

struct loaded load_here(const struct fg_load_options *options)
{
	struct loaded l = {.rep = fg_report_new()};

	l.status = fg_config_load("fjordgate.yaml", options, l.rep, &l.config);
	assert_int_equal(l.status<0, fg_report_errors(l.rep)> 0);
	assert_int_equal(l.status < 0, l.config == NULL);
	fg_buf_init(&l.out, 1 << 20);
	fg_buf_puts(&l.out, "");
	fg_report_print(l.rep, &l.out);
	fg_buf_putc(&l.out, '\n');
	return l;
}

struct loaded load_text(const char *text)
{
	static const struct fg_load_options no_files = {.no_files = true, .keep_tree = true};

	write_text("fjordgate.yaml", text);
	return load_here(&no_files);
}

void unload(struct loaded *l)
{
	fg_buf_fini(&l->out);
	fg_report_free(l->rep);
	if (l->config)
		fg_config_unref(l->config);
}

void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("no \"%s\" in\n%s", part, text);
}

void assert_lacks(const char *text, const char *part)
{
	if (strstr(text, part))
		fail_msg("\"%s\" in\n%s", part, text);
}

const struct fg_device *device(const struct fg_config *c, const char *name)
{
	for (size_t i = 0; i < c->device_count; i++)
		if (strcmp(c->devices[i]->name, name) == 0)
			return c->devices[i];
	fail_msg("no device %s", name);
	return NULL;
}

const struct fg_point *point(const struct fg_config *c, const char *dev, const char *name)
{
	const struct fg_device *d = device(c, dev);

	for (size_t i = 0; i < d->point_count; i++)
		if (strcmp(d->points[i].name, name) == 0)
			return &d->points[i];
	fail_msg("no point %s", name);
	return NULL;
}
