/* SPDX-License-Identifier: EUPL-1.2 */
/* Serial ports and TCP devices. A port that the running gateway has is never opened, and a device
 * that it talks with is left alone: many serve one client only. */
#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/status.h"
#include "doctor.h"
#include "drivers/driver.h"
#include "drivers/modbus_serial.h"

static void port_of(const struct fg_link *link, char *text, size_t size)
{
	struct fg_buf out;

	fg_buf_wrap(&out, text, size);
	link->driver->port(link, &out);
}

/* "up", "down", "unknown", or "" without a gateway to ask. */
static const char *state_of(const struct doctor *d, const struct fg_link *link)
{
	const cJSON *l;

	cJSON_ArrayForEach(l, cJSON_GetObjectItemCaseSensitive(d->status,
				      "links")) if (strcmp(ctl_text(l, "name"), link->name) ==
						    0) return ctl_text(l, "state");
	return "";
}

/* ---- serial ports ---- */

/* A group that may already is joined; root's is nobody else's. */
static void put_remedy(const struct stat *st, const char *port, const char *user, char *todo,
	size_t size)
{
	char mem[4096];
	struct group entry, *g = NULL;

	getgrgid_r(st->st_gid, &entry, mem, sizeof(mem), &g);
	if (g && g->gr_gid != 0 && (st->st_mode & 0060) == 0060)
		snprintf(todo, size, "usermod -aG %s %s, then restart the gateway", g->gr_name,
			user);
	else
		snprintf(todo, size,
			"a udev rule gives it to dialout: KERNEL==\"%.60s\", GROUP=\"dialout\", "
			"MODE=\"0660\"; no login console may use it",
			strrchr(port, '/') ? strrchr(port, '/') + 1 : port);
}

static void check_permission(struct doctor_check *c, const char *port, const struct stat *st)
{
	const struct doctor_user *u = &c->doctor->user;
	char todo[300], mem[4096], real[PATH_MAX];
	struct group entry, *g = NULL;

	if (!realpath(port, real))
		snprintf(real, sizeof(real), "%s", port);
	if (!doctor_unit_lets(&c->doctor->unit, st)) {
		snprintf(todo, sizeof(todo),
			"systemctl edit fjordgate, there [Service] and DeviceAllow=%.100s rw, "
			"then restart it", real);
		doctor_tell(c, DOCTOR_FAIL, todo,
			"the service may not open %s: it is of no kind that its unit names", port);
	}
	if (doctor_may(u, port, st, DOCTOR_READ | DOCTOR_WRITE))
		return;
	getgrgid_r(st->st_gid, &entry, mem, sizeof(mem), &g);
	put_remedy(st, real, u->name, todo, sizeof(todo));
	doctor_tell(c, DOCTOR_FAIL, todo, "user %s may not open %s: it is for group %s (mode %03o)",
		u->name, port, g ? g->gr_name : "?", (unsigned)st->st_mode & 0777);
}

/* Who has it open, as far as this user may see; without a gateway it is tried. */
static void check_use(struct doctor_check *c, const char *port)
{
	static const char todo[] =
		"end that program; ModemManager, brltty and login consoles take ports too";
	const struct doctor *d = c->doctor;
	char name[64], why[200];
	long pid = fg_serial_user(port, name, sizeof(name));
	int fd;

	if (pid && d->pid && pid == (long)d->pid) {
		doctor_tell(c, DOCTOR_OK, "", "the gateway has %s", port);
	} else if (pid) {
		doctor_tell(c, DOCTOR_FAIL, todo, "%s is in use by process %ld (%s)", port, pid,
			*name ? name : "?");
	} else if (d->runs) {
		doctor_tell(c, DOCTOR_OK, "", "%s is there", port);
	} else {
		fd = fg_serial_lock(port, why, sizeof(why));
		if (fd >= 0)
			close(fd);
		if (fd == -EBUSY)
			doctor_tell(c, DOCTOR_FAIL, todo, "%s", why);
		else if (fd < 0 && fd != -EACCES && fd != -EPERM)
			doctor_tell(c, DOCTOR_FAIL, "is it a serial port? ls -l /dev/serial/by-id/",
				"%s", why);
		else
			doctor_tell(c, DOCTOR_OK, "", "%s is there and free", port);
	}
}

static void check_serial(struct doctor_check *c)
{
	const struct fg_link *link = c->about;
	char port[400];
	struct stat st;

	port_of(link, port, sizeof(port));
	if (stat(port, &st) < 0) {
		doctor_tell(c, DOCTOR_FAIL,
			"is the adapter plugged in? ls -l /dev/serial/by-id/ lists what is there",
			"%s: %s", port, fg_strerror(-errno));
		return;
	}
	if (!S_ISCHR(st.st_mode)) {
		doctor_tell(c, DOCTOR_FAIL, "name the port: ls -l /dev/serial/by-id/",
			"%s is no serial port", port);
		return;
	}
	check_permission(c, port, &st);
	check_use(c, port);
}

/* ---- TCP ---- */

static void check_tcp(struct doctor_check *c)
{
	const struct fg_link *link = c->about;
	char port[400], host[400], why[300];
	char *colon;
	int fd;

	port_of(link, port, sizeof(port));
	if (strcmp(state_of(c->doctor, link), "up") == 0) {
		doctor_tell(c, DOCTOR_OK, "", "the gateway talks with %s", port);
		return;
	}
	snprintf(host, sizeof(host), "%s", port);
	colon = strrchr(host, ':');
	if (!colon)
		return;
	*colon = '\0';
	fd = doctor_connect(
		host, (int)strtol(colon + 1, NULL, 10), c->until_mono_us, why, sizeof(why));
	if (fd < 0) {
		doctor_tell(c, DOCTOR_FAIL,
			fd == FG_ENOENT ? "the name in the configuration; cat /etc/resolv.conf"
			: fd == -ECONNREFUSED
				? "is Modbus TCP switched on in the device, and that its port?"
				: "power, cable and address of the device; ip route",
			"%s", why);
		return;
	}
	close(fd);
	doctor_tell(c, DOCTOR_OK, "", "%s takes connections", port);
}

/* ---- all ---- */

static void check_other(struct doctor_check *c)
{
	if (strcmp(state_of(c->doctor, c->about), "down") == 0)
		doctor_tell(c, DOCTOR_WARN, "fjordctl status says why; fjordctl probe coap URI",
			"the gateway finds it down");
	else
		doctor_tell(c, DOCTOR_OK, "", "%s",
			*state_of(c->doctor, c->about) ? state_of(c->doctor, c->about)
						       : "its devices are reached over UDP; "
							 "fjordctl probe coap URI asks one");
}

void doctor_add_links(struct doctor *d)
{
	for (size_t i = 0; i < d->config->link_count; i++) {
		const struct fg_link *link = &d->config->links[i];
		struct doctor_check *c;

		if (strcmp(link->driver_name, "modbus-rtu") == 0)
			c = doctor_add(d, "serial", link->name, check_serial);
		else if (strncmp(link->driver_name, "modbus-", 7) == 0)
			c = doctor_add(d, "tcp", link->name, check_tcp);
		else
			c = doctor_add(d, "link", link->name, check_other);
		c->about = link;
	}
}
