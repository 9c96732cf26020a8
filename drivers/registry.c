/* SPDX-License-Identifier: EUPL-1.2 */
/* The drivers that this build knows. */
#include <string.h>

#include "drivers/driver.h"

extern const struct fg_driver fg_driver_modbus_tcp;
extern const struct fg_driver fg_driver_modbus_rtu;
extern const struct fg_driver fg_driver_modbus_rtu_tcp;
#ifdef FG_HAVE_COAP
extern const struct fg_driver fg_driver_coap;
extern const struct fg_driver fg_driver_coap_server;
#endif

const struct fg_driver *const fg_drivers[] = {
	&fg_driver_modbus_rtu,
	&fg_driver_modbus_tcp,
	&fg_driver_modbus_rtu_tcp,
#ifdef FG_HAVE_COAP
	&fg_driver_coap,
	&fg_driver_coap_server,
#endif
	NULL,
};

const struct fg_driver *fg_driver_find(const char *name)
{
	for (size_t i = 0; fg_drivers[i]; i++)
		if (strcmp(fg_drivers[i]->name, name) == 0)
			return fg_drivers[i];
	return NULL;
}
