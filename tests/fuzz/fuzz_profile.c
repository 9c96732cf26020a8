/* SPDX-License-Identifier: EUPL-1.2 */
/* A profile of any bytes, as the library shows it and as a device uses it: faults or a profile,
 * never a crash. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "gateway/config/config.h"
#include "gateway/config/profiles.h"

static char folder[] = "/tmp/fuzz_profile.XXXXXX";
static char profile[64], config[64];

static const char user[] =
	"gateway: {id: g, licence: NLOD-2.0}\n"
	"stations: {s: {title: S}}\n"
	"storage: {file: readings.db}\n"
	"mqtt: {m: {servers: [mqtt://127.0.0.1], prefix: p}}\n"
	"links: {line: {driver: modbus-rtu, device: /dev/ttyS0}}\n"
	"devices:\n"
	"  d: {station: s, domain: water, link: line, unit_id: 1, interval: 1h, profile: model,\n"
	"    allow_commands: true}\n";

static void put(const char *path, const void *bytes, size_t size)
{
	FILE *f = fopen(path, "we");

	if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0)
		abort();
}

static void clean(void)
{
	unlink(profile);
	unlink(config);
	rmdir(folder);
}

static void prepare(void)
{
	if (profile[0])
		return;
	if (!mkdtemp(folder))
		abort();
	snprintf(profile, sizeof(profile), "%s/model.yaml", folder);
	snprintf(config, sizeof(config), "%s/user.conf", folder);
	put(config, user, sizeof(user) - 1);
	atexit(clean);
}

static void show(void)
{
	struct fg_report *rep = fg_report_new();
	struct fg_profile_list *list = fg_profiles_load(config, folder, rep);

	if (list && list->count == 0 && fg_report_errors(rep) == 0)
		abort(); /* left out without a word */
	fg_profiles_free(list);
	fg_report_free(rep);
}

static void use(void)
{
	const struct fg_load_options options = {
		.no_files = true, .keep_tree = true, .profile_dir = folder};
	struct fg_report *rep = fg_report_new();
	struct fg_config *loaded;
	struct fg_buf out;

	fg_buf_init(&out, 1u << 20);
	if (fg_config_load(config, &options, rep, &loaded) == 0) {
		fg_config_print_effective(loaded, &out);
		fg_config_print_plan(loaded, &out);
		fg_config_unref(loaded);
	} else if (fg_report_errors(rep) == 0) {
		abort(); /* refused without a word */
	}
	fg_report_print(rep, &out);
	fg_buf_fini(&out);
	fg_report_free(rep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	prepare();
	put(profile, data, size);
	show();
	use();
	return 0;
}
