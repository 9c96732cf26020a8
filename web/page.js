// SPDX-License-Identifier: EUPL-1.2
// What the status page does where scripts run: it stays up to date, and shows local times. All it
// takes is the same page again.
"use strict";
const EVERY_MS = 10000;

function localTimes() {
	// not every browser has Nynorsk
	const form = new Intl.DateTimeFormat([document.documentElement.lang, "nb"],
		{ dateStyle: "medium", timeStyle: "short" });
	for (const time of document.querySelectorAll("time[datetime]")) {
		const text = form.format(new Date(time.dateTime));
		if (time.title)
			time.title = text;
		else
			time.textContent = text;
	}
}

// The element that has the focus keeps it: it is found again by its address.
function replaceMain(next) {
	const main = document.querySelector("main");
	const held = main.contains(document.activeElement) && document.activeElement.href;
	main.replaceWith(next);
	if (held)
		[...next.querySelectorAll("a")].find((a) => a.href === held)?.focus();
	localTimes();
}

async function update() {
	if (document.hidden)
		return;
	try {
		const answer = await fetch(location.href, { cache: "no-cache" });
		if (!answer.ok)
			throw new Error(String(answer.status));
		const text = await answer.text();
		replaceMain(new DOMParser().parseFromString(text, "text/html").querySelector("main"));
	} catch {
		document.getElementById("stale").hidden = false;
	}
}

localTimes();
setInterval(update, EVERY_MS);
document.addEventListener("visibilitychange", update);
