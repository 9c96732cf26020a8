#!/usr/bin/python3
# SPDX-License-Identifier: EUPL-1.2
"""compute.py FJORDCTL: what is no case is told as such, with the member at fault, and the next line
is answered as if nothing had been."""
import json
import subprocess
import sys
import unittest

GOOD = '{"id":"good","op":"qartod.gross_range","config":{"fail_span":[0,1]},"values":[0.5]}'
T3 = '"times":[0,60,120],"values":[1,2,3]'


def case(op, rest):
    return '{"id":1,"op":"%s",%s}' % (op, rest)


# line, what the error must say
FAULTS = [
    ('nothing', "not a JSON object"),
    ('[1]', "not a JSON object"),
    ('{"id":1} {"id":2}', "not a JSON object"),
    ('{"id":1,"op":', "not a JSON object"),
    ('{"id":1\0,"op":"qartod.spike"}', "not a JSON object"),
    ('[' * 5000, "not a JSON object"),
    ('{"id":1}', "op: the name"),
    ('{"id":1,"op":7}', "op: not a text"),
    ('{"id":1,"op":"make.coffee"}', "op: there is no operation 'make.coffee'"),
    ('{"id":1,"op":"qartod.magic"}', "op: there is no operation 'magic'"),
    (case("qartod.spike", '"config":[1],"values":[]'), "config: an object"),
    (case("qartod.spike", '"config":{}'), "values: an array"),
    (case("qartod.spike", '"values":{"a":1}'), "values: an array"),
    (case("qartod.spike", '"values":[1,"2"]'), "values[1]: neither a number nor null"),
    (case("qartod.spike", '"values":[1],"times":[1,2]'), "times: 2 numbers, but 1"),
    (case("qartod.spike", '"config":{"method":"magic"},"values":[1]'), "method: 'magic'"),
    (case("qartod.spike", '"config":{"fail_threshold":-1},"values":[1]'), "0 or more"),
    (case("qartod.spike", '"config":{"fail_threshold":1e999},"values":[1]'), "not a number"),
    (case("qartod.gross_range", '"values":[1]'), "fail_span: two numbers"),
    (case("qartod.gross_range", '"config":{"fail_span":[1]},"values":[1]'), "fail_span: two"),
    (case("qartod.gross_range", '"config":{"fail_span":[0,2],"suspect_span":[-1,1]},"values":[]'),
     "within fail_span"),
    (case("qartod.gross_range", '"config":{"fail_span":[2,0],"suspect_span":[1,3]},"values":[]'),
     "within fail_span"),
    (case("qartod.rate_of_change", T3), "threshold: a number is needed"),
    (case("qartod.rate_of_change", '"config":{"threshold":1},"values":[1]'), "times: an array"),
    (case("qartod.rate_of_change", '"config":{"threshold":1},"values":[1],"times":[1e300]'),
     "times: seconds since 1970"),
    (case("qartod.rate_of_change", '"config":{"threshold":1},"values":[1],"times":[null]'),
     "times: seconds since 1970"),
    (case("qartod.flat_line", '"config":{"suspect_threshold":1},' + T3), "fail_threshold: a"),
    (case("qartod.flat_line", '"config":{"suspect_threshold":1,"fail_threshold":2,"tolerance":-1},'
          + T3), "tolerance is a number of 0 or more"),
    (case("qartod.flat_line", '"config":{"suspect_threshold":-1,"fail_threshold":2},' + T3),
     "from 0 to 1e9 seconds"),
    (case("qartod.flat_line", '"config":{"suspect_threshold":1,"fail_threshold":2},'
          '"times":[0,0,0],"values":[1,2,3]'), "median interval"),
    (case("qartod.attenuated_signal", '"config":{"suspect_threshold":2,"fail_threshold":1,'
          '"check_type":"iqr"},' + T3), "check_type: 'iqr'"),
    (case("qartod.attenuated_signal", '"config":{"suspect_threshold":2,"fail_threshold":1,'
          '"min_obs":-3},' + T3), "min_obs"),
    (case("qartod.attenuated_signal", '"config":{"suspect_threshold":2,"fail_threshold":1,'
          '"test_period":60},"times":[2,1],"values":[1,2]'), "must rise"),
    (case("qartod.climatology", T3), "members: an array"),
    (case("qartod.climatology", '"config":{"members":[]},' + T3), "at least one"),
    (case("qartod.climatology", '"config":{"members":[3]},' + T3), "members: an array of objects"),
    (case("qartod.climatology", '"config":{"members":[{"tspan":[1,2],"vspan":[1,2],'
          '"period":"fortnight"}]},' + T3), "period: 'fortnight'"),
    (case("qartod.climatology", '"config":{"members":[{"tspan":[1,2]}]},' + T3), "span of values"),
    (case("qartod.time_gap", '"config":{"fail_span":0},"times":[1]'), "span is over 0"),
    (case("qartod.density_inversion", '"values":[1]'), "depths: an array"),
    (case("qartod.density_inversion", '"values":[1],"depths":[1,2]'), "depths: 2 numbers"),
    (case("qartod.location", '"lon":[1],"lat":[1,2]'), "lat: 2 numbers"),
    (case("qartod.location", '"config":{"bbox":[1,2,3]},"lon":[1],"lat":[1]'), "bbox: four"),
    (case("qartod.location", '"config":{"bbox":[3,2,1,4]},"lon":[1],"lat":[1]'), "western bound"),
    (case("qartod.location", '"config":{"range_max":-1},"lon":[1],"lat":[1]'), "metres"),
    (case("aq.hourly_mean", '"config":{"first_hour":0,"hours":1,"interval_s":60}'), "samples: an"),
    (case("aq.hourly_mean", '"config":{"first_hour":0,"hours":1,"interval_s":0},"samples":[]'),
     "interval_s: must be"),
    (case("aq.hourly_mean", '"config":{"first_hour":0,"hours":1,"interval_s":60,"capture":0},'
          '"samples":[]'), "capture: must be"),
    (case("aq.hourly_mean", '"config":{"first_hour":0.5,"hours":1,"interval_s":60},"samples":[]'),
     "first_hour: a whole number"),
    (case("aq.hourly_mean", '"config":{"first_hour":0,"hours":1e9,"interval_s":60},"samples":[]'),
     "hours: a whole number"),
    (case("aq.hourly_mean", '"config":{"first_hour":0,"hours":1,"interval_s":60,'
          '"accept_flags":[9]},"samples":[]'), "accept_flags"),
    (case("aq.hourly_mean", '"config":{"first_hour":0,"hours":1,"interval_s":60},'
          '"samples":[[0,1]]'), "samples: [time"),
    (case("aq.running_mean", '"config":{"hours":8,"min_valid":6}'), "hourly: an array"),
    (case("aq.running_mean", '"config":{"hours":8,"min_valid":9},"hourly":[]'), "min_valid"),
    (case("aq.running_mean", '"config":{"hours":0},"hourly":[]'), "hours: a whole number"),
    (case("aq.daily_mean", '"config":{"first_hour":0},"hourly":[]'), "days: a whole number"),
    (case("aq.daily_mean", '"config":{"first_hour":0,"days":1,"min_valid_hours":25},"hourly":[]'),
     "min_valid_hours"),
    (case("aq.daily_max_8h", '"config":{"first_hour":0,"days":1,"min_valid_hours":9},"hourly":[]'),
     "min_valid_hours"),
    (case("aq.index_class", '"config":{"index":"aqi_1999","pollutant":"o3"},"value":1'), "index: "),
    (case("aq.index_class", '"config":{"index":"no_hourly","pollutant":"co"},"value":1'),
     "no pollutant 'co'"),
    (case("aq.index_class", '"config":{"index":"no_hourly"},"value":1'), "no pollutant"),
    (case("aq.index_class", '"config":{"index":"no_hourly","pollutant":"o3"}'), "value: a number"),
    (case("aq.index_overall", '"config":{"index":"no_hourly"}'), "values: an object"),
    (case("aq.index_overall", '"config":{"index":"no_hourly"},"values":{"o3":"1"}'), "o3: neither"),
    (case("aq.index_overall", '"config":{"index":"no_hourly"},"values":{"x":1}'), "pollutant 'x'"),
    (case("derive.dew_point", '"config":{}'), "inputs: an object"),
    (case("derive.magic", '"inputs":{}'), "no operation 'magic'"),
    (case("derive.dew_point", '"inputs":{"temp_c":1}'), "rh: a number is needed"),
    (case("derive.dew_point", '"inputs":{"temp_c":"1","rh":1}'), "temp_c: not a number"),
    (case("derive.dew_point", '"inputs":{"temp_c":1e999,"rh":1}'), "temp_c: not a number"),
    (case("derive.polynomial", '"inputs":{"x":1}'), "coefficients: an array"),
    (case("derive.polynomial", '"inputs":{"x":1,"coefficients":[]}'), "coefficients: an array"),
    (case("derive.polynomial", '"inputs":{"coefficients":[1]}'), "x: a number"),
    (case("derive.rating", '"inputs":{"level":1}'), "table: an array"),
    (case("derive.rating", '"inputs":{"level":1,"table":[[1,2]]}'), "two rows"),
    (case("derive.rating", '"inputs":{"level":1,"table":[[1,2],[3]]}'), "a level and a flow"),
    (case("derive.wind_mean", '"inputs":{"speeds":[1],"directions":[]}'), "of one length"),
    (case("derive.circular_mean", '"inputs":{}'), "directions: an array"),
    (case("derive.gas_ppb_to_ugm3", '"inputs":{"ppb":1,"gas":"XY"}'), "molar_mass: a number"),
    (case("qartod.rollup", '"vectors":[]'), "vectors: an array of arrays"),
    (case("qartod.rollup", '"vectors":[[1],[1,2]]'), "one length"),
    (case("qartod.rollup", '"vectors":[[1],[5]]'), "a flag is"),
]


def compute(lines):
    done = subprocess.run([PROGRAM, "compute"], input="".join(l + "\n" for l in lines),
                          capture_output=True, text=True, timeout=100)
    return done, [json.loads(l) for l in done.stdout.splitlines()]


class Compute(unittest.TestCase):
    def test_faults(self):
        done, got = compute([l for fault, _ in FAULTS for l in (fault, "", GOOD)])
        self.assertEqual((0, "", 2 * len(FAULTS)), (done.returncode, done.stderr, len(got)))
        for (line, said), wrong, right in zip(FAULTS, got[0::2], got[1::2]):
            with self.subTest(line[:100]):
                self.assertIn(said, wrong.get("error", "no error"))
                self.assertNotIn("result", wrong)
                self.assertEqual({"id": "good", "result": [1], "arrival": [1]}, right)

    def test_empty_series(self):
        empty = ['"config":{"fail_span":[0,1]},"values":[]', '"values":[]',
                 '"config":{"threshold":1},"times":[],"values":[]',
                 '"config":{"suspect_threshold":2,"fail_threshold":1},"times":[],"values":[]',
                 '"config":{"suspect_threshold":2,"fail_threshold":1},"times":[],"values":[]',
                 '"config":{"members":[{"tspan":[1,2],"vspan":[1,2]}]},"times":[],"values":[]',
                 '"times":[]', '"values":[],"depths":[]', '"lon":[],"lat":[]', '"vectors":[[]]']
        ops = ["gross_range", "spike", "rate_of_change", "flat_line", "attenuated_signal",
               "climatology", "time_gap", "density_inversion", "location", "rollup"]
        _, got = compute([case("qartod." + op, rest) for op, rest in zip(ops, empty)])
        self.assertEqual([[]] * len(ops), [a.get("result") for a in got])

    def test_index_of_several(self):
        values = '"config":{"index":"eaqi_2024"},"values":{%s}'
        _, got = compute([case("aq.index_overall", values % v) for v in (
            '"so2":30,"pm25":6,"no2":1', '"pm10":null', "", '"o3":1e999,"pm10":3')])
        self.assertEqual([{"class": 2, "drivers": ["pm25", "so2"]}, {"class": None, "drivers": []},
                          {"class": None, "drivers": []}, {"class": 1, "drivers": ["pm10"]}],
                         [a.get("result") for a in got])

    def test_derived(self):
        rows = [("dew_point", '"temp_c":20,"rh":100', 20),
                ("dew_point", '"temp_c":20,"rh":0', None),
                ("dew_point", '"temp_c":null,"rh":50', None),
                ("two_point", '"raw1":1,"ref1":0,"raw2":1,"ref2":5,"raw":1', None),
                ("rating", '"table":[[0,0],[1,4]],"level":0.5', 2),
                ("rating", '"table":[[0,0],[1,4]],"level":1.5', None),
                ("circular_mean", '"directions":[80,null,100]', 90),
                ("circular_mean", '"directions":[90,270]', None),
                ("gas_ppb_to_ugm3", '"ppb":10,"gas":"NO2"', 19.130106818465435),
                ("ph_from_mv", '"mv":0,"temp_c":10', 7), ("ec20_nlf", '"ec":500,"temp_c":20', 500),
                ("absolute_humidity", '"temp_c":0,"rh":100', 4.848),
                ("sea_level_pressure", '"p_hpa":1000,"temp_c":5,"rh":80,"height_m":0', 1000)]
        _, got = compute([case("derive." + op, '"inputs":{%s}' % ins) for op, ins, _ in rows])
        for (op, ins, want), answer in zip(rows, got):
            with self.subTest(op, ins=ins):
                self.assertEqual(want is None, bool(answer.get("reason")))
                self.assertIn("result", answer)
                if want is None:
                    self.assertIsNone(answer["result"])
                else:
                    self.assertAlmostEqual(want, answer["result"], places=3)

    def test_wind(self):
        _, got = compute([case("derive.wind_mean", '"inputs":{"speeds":[3,4,0],'
                               '"directions":[90,180,null]}')])
        self.assertEqual([143.13, 1.6667, 2.3333], [
            round(got[0]["result"][k], 4) if k != "direction" else round(got[0]["result"][k], 2)
            for k in ("direction", "vector_speed", "speed")])

    def test_infinity_is_missing(self):
        _, got = compute([case("qartod.gross_range",
                               '"config":{"fail_span":[0,1]},"values":[1e999,-1e999,5e-324]')])
        self.assertEqual([9, 9, 1], got[0]["result"])

    def test_last_line_without_its_end(self):
        done = subprocess.run([PROGRAM, "compute"], input=GOOD, capture_output=True, text=True,
                              timeout=100)
        self.assertEqual([1], json.loads(done.stdout)["result"])

    def test_no_output(self):
        with open("/dev/full", "w") as full:
            done = subprocess.run([PROGRAM, "compute"], input=GOOD + "\n", text=True, stdout=full,
                                  timeout=100)
        self.assertEqual(74, done.returncode)


PROGRAM = sys.argv.pop(1)
unittest.main()
