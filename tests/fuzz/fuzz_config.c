/* SPDX-License-Identifier: EUPL-1.2 */
/* A configuration file of any bytes: errors or a configuration, never a crash. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "gateway/config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct fg_load_options options = {
		.no_files = true, .keep_tree = true, .profile_dir = "/nonexistent"};
	int fd = memfd_create("config", MFD_CLOEXEC);
	struct fg_report *rep = fg_report_new();
	struct fg_config *config;
	struct fg_buf out;
	char path[64];

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	fg_buf_init(&out, 1u << 20);
	if (fg_config_load(path, &options, rep, &config) == 0) {
		fg_config_print_effective(config, &out);
		fg_config_print_plan(config, &out);
		fg_config_unref(config);
	} else if (fg_report_errors(rep) == 0) {
		abort(); /* refused without a word */
	}
	fg_report_print(rep, &out);
	fg_buf_fini(&out);
	fg_report_free(rep);
	close(fd);
	return 0;
}
