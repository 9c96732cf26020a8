/* SPDX-License-Identifier: EUPL-1.2 */
/* LwM2M TLV. Two texts that end in NUL come first: the path that was asked for and the one that is
 * wanted. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "protocol/tlv.h"

/* The next text, or NULL. */
static const char *take_text(const uint8_t **data, size_t *size)
{
	const char *text = (const char *)*data;
	const uint8_t *end = memchr(*data, '\0', *size);

	if (!end)
		return NULL;
	*size -= (size_t)(end + 1 - *data);
	*data = end + 1;
	return text;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *asked = take_text(&data, &size), *wanted = asked ? take_text(&data, &size) : 0;
	struct fg_object_path base, path;
	struct fg_value v;

	if (!wanted || !fg_object_path_parse(asked, &base) || !fg_object_path_parse(wanted, &path))
		return 0;
	if (fg_tlv_value(data, size, &base, &path, &v) < 0 || v.kind != FG_KIND_TEXT)
		return 0;
	if ((const uint8_t *)v.text < data || (const uint8_t *)v.text + v.len > data + size)
		abort();
	return 0;
}
