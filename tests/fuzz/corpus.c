/* SPDX-License-Identifier: EUPL-1.2 */
/* Runs a fuzz target over the files of folders, each also cut short at every length and with every
 * byte turned over: what a build without libFuzzer can do. Fails where a folder has no file. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FILE_MAX 65536

/* A copy of its own size on the heap, so that a sanitizer sees the first byte read too far. */
static void try_copy(const uint8_t *bytes, size_t size)
{
	uint8_t *copy = malloc(size ? size : 1);

	if (!copy)
		abort();
	memcpy(copy, bytes, size);
	LLVMFuzzerTestOneInput(copy, size);
	free(copy);
}

static void try_file(uint8_t *bytes, size_t size)
{
	size_t step = size / 400 + 1; /* long files are sampled */

	try_copy(bytes, size);
	for (size_t i = 0; i < size; i += step) {
		uint8_t was = bytes[i];

		try_copy(bytes, i);
		bytes[i] = (uint8_t)~was;
		try_copy(bytes, size);
		bytes[i] = was;
	}
}

static int try_folder(const char *path)
{
	static uint8_t bytes[FILE_MAX];
	DIR *dir = opendir(path);
	const struct dirent *entry;
	int files = 0;

	while (dir && (entry = readdir(dir))) {
		char name[1024];
		FILE *f;

		if (entry->d_name[0] == '.')
			continue;
		snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
		f = fopen(name, "rbe");
		if (!f)
			continue;
		try_file(bytes, fread(bytes, 1, sizeof(bytes), f));
		fclose(f);
		files++;
	}
	if (dir)
		closedir(dir);
	return files;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		int files = try_folder(argv[i]);

		printf("%s: %d files\n", argv[i], files);
		if (files == 0)
			return 1;
	}
	return argc > 1 ? 0 : 1;
}
