# SPDX-License-Identifier: EUPL-1.2
"""The sum that a consumer can check, from what a subscriber received and nothing else."""
from lib.subscriber import epoch


def accounts(subscriber):
    """Each once, in order of time."""
    found = {m.json["id"]: m.json for m in subscriber.messages("/account")}
    return sorted(found.values(), key=lambda a: (a["from"], a["to"]))


def account_end(subscriber, device="probe"):
    """Until when there are accounts of a device."""
    return max((epoch(a["to"]) for a in accounts(subscriber) if a["device"] == device), default=0)


def gaps(subscriber, point):
    return list({m.json["id"]: m.json for m in subscriber.messages("/gaps")
                 if m.json["point"] == point}.values())


def check_sum(test, subscriber, point, interval_s, tolerance=8, counted_twice=()):
    """Scheduled = readings + suppressed + gaps, accounts follow each other, and what was scheduled
    is what the interval asks for. `counted_twice`: ids of readings that came and are in a gap as
    well. Returns the reasons of the gaps."""
    told = [a for a in accounts(subscriber) if point in a["points"]]
    test.assertTrue(told, "no account came")
    lines = [a["points"][point] for a in told]
    for line in lines:
        test.assertEqual(line["scheduled"], line["sent"] + line["suppressed"] + line["missing"],
                         line)
    for a, b in zip(told, told[1:]):
        test.assertEqual(a["to"], b["from"], "accounts follow each other")
    readings = {m.json["id"]: m.json for m in subscriber.readings(point)}
    good = [r for r in readings.values() if r["qc"] != 9 and "replaces" not in r
            and r["id"] not in counted_twice]
    missing = gaps(subscriber, point)
    for g in missing:
        test.assertLessEqual(epoch(g["from"]), epoch(g["to"]))
    scheduled = sum(line["scheduled"] for line in lines)
    suppressed = sum(line["suppressed"] for line in lines)
    explain = "%s: scheduled %d, readings %d, gaps %s" % (
        point, scheduled, len(good), sorted((g["reason"], g["count"]) for g in missing))
    test.assertEqual(scheduled, len(good) + suppressed + sum(g["count"] for g in missing), explain)
    spanned = epoch(told[-1]["to"]) - epoch(told[0]["from"])
    test.assertAlmostEqual(spanned / interval_s, scheduled, delta=tolerance, msg=explain)
    return {g["reason"] for g in missing}
