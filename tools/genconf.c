/* SPDX-License-Identifier: EUPL-1.2 */
/* Prints what is made from tables of the code: the reference page of all keys, the JSON Schema, the
 * page of properties. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/buf.h"
#include "gateway/config/config.h"
#include "model/property.h"

static void print_properties(struct fg_buf *out)
{
	static const char head[] =
		"# Properties\n\n"
		"What is measured, and the unit in which readings of it are published.\n"
		"Made from `model/property.def` by `cmake --build … --target reference`.\n"
		"A name outside this table begins with `x_`.\n\n"
		"| property | unit (UCUM) | English | Bokmål | Nynorsk | note |\n"
		"|---|---|---|---|---|---|\n";

	fg_buf_puts(out, head);
	for (size_t i = 0; i < fg_property_count; i++) {
		const struct fg_property *p = &fg_properties[i];

		fg_buf_printf(out, "| `%s` | `%s` | %s | %s | %s | %s |\n", p->name, p->unit,
			p->title[FG_LANG_EN], p->title[FG_LANG_NB], p->title[FG_LANG_NN], p->note);
	}
}

int main(int argc, char **argv)
{
	struct fg_buf out;
	bool ok;

	fg_buf_init(&out, 4 << 20);
	if (argc == 2 && strcmp(argv[1], "reference") == 0) {
		fg_config_print_reference(&out);
	} else if (argc == 2 && strcmp(argv[1], "schema") == 0) {
		fg_config_print_schema(&out);
	} else if (argc == 2 && strcmp(argv[1], "properties") == 0) {
		print_properties(&out);
	} else {
		fprintf(stderr, "usage: genconf reference|schema|properties\n");
		return EX_USAGE;
	}
	ok = !out.overflow && fwrite(out.data, 1, out.len, stdout) == out.len &&
	     fflush(stdout) == 0;
	fg_buf_fini(&out);
	return ok ? EX_OK : EX_IOERR;
}
