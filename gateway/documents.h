/* SPDX-License-Identifier: EUPL-1.2 */
#ifndef FG_GATEWAY_DOCUMENTS_H
#define FG_GATEWAY_DOCUMENTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "gateway/config/config.h"

/* What is published retained beside the readings. Each kind is one entry of the table in
 * documents.c, which its own file fills in; a configuration has so many documents of it, and each
 * is told to every destination. All of them go out with every new session, and again when they are
 * touched. */

struct fg_core;
struct fg_publisher;

/* The longest of any of them: a station with some 300 points. */
#define FG_DOCUMENT_MAX (256u << 10)

enum fg_document {
	FG_DOC_STATUS,
	FG_DOC_DEVICE, /* by fg_device.index */
	FG_DOC_STATION, /* by place in fg_config.stations */
	FG_DOC_THING,	/* the same */
	FG_DOC_DATASET,
	FG_DOC_ASYNCAPI,
	FG_DOC_SCHEMA,
	FG_DOC_CLASSES,
	FG_DOC_NOTICES,
	FG_DOC_KINDS
};

struct fg_document_kind {
	/* How many there are. NULL: one. */
	size_t (*count)(const struct fg_config *config);
	/* The topic depends on the configuration alone: what was published retained is cleared when
	 * no document of any kind has its topic any more. False where the destination does not
	 * get it, or it is too long. */
	bool (*topic)(struct fg_buf *out, const struct fg_config *config,
		const struct fg_destination *dest, size_t i);
	/* false: there is nothing to say now. The same state gives the same bytes. */
	bool (*write)(struct fg_buf *out, const struct fg_core *core,
		const struct fg_destination *dest, size_t i);
	/* A touch is a wish to look: what has the same bytes as before is not sent again. */
	bool when_changed;
	/* Other gateways publish the same under it: it is never cleared. */
	bool shared;
};

extern const struct fg_document_kind *const fg_document_kinds[FG_DOC_KINDS];

/* documents_catalogue.c */
extern const struct fg_document_kind fg_document_station, fg_document_thing, fg_document_dataset,
	fg_document_asyncapi, fg_document_schema, fg_document_classes;
/* The calibrations in force may be others. */
void fg_catalogue_look(struct fg_core *core);

/* How many documents of all kinds a configuration has; they are numbered through. */
size_t fg_documents_count(const struct fg_config *config);
/* The topic of one; false where there is none. */
bool fg_document_topic(struct fg_buf *out, const struct fg_config *config,
	const struct fg_destination *dest, size_t id);
bool fg_document_is_shared(const struct fg_config *config, size_t id);

/* Document `i` of the kind is to be told (again) to all destinations, or to one. */
void fg_documents_touch(struct fg_core *core, enum fg_document kind, size_t i);
void fg_document_touch(
	struct fg_core *core, struct fg_publisher *p, enum fg_document kind, size_t i);
/* All of a kind. */
void fg_documents_touch_all(struct fg_core *core, enum fg_document kind);

#endif
