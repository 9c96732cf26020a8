/* SPDX-License-Identifier: EUPL-1.2 */
/* Units: UCUM codes, the spellings sensors use, and conversion within a dimension. */
#include "model/unit.h"

#include <stddef.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/node.h"

static const struct fg_unit units[] = {
	{"Cel", "temperature", 1, 0},
	{"K", "temperature", 1, -273.15},
	{"[degF]", "temperature", 5.0 / 9, -160.0 / 9},
	{"ug/m3", "mass concentration in air", 1, 0},
	{"mg/m3", "mass concentration in air", 1e3, 0},
	{"ng/m3", "mass concentration in air", 1e-3, 0},
	{"g/m3", "mass concentration in air", 1e6, 0},
	{"kg/m3", "mass concentration in air", 1e9, 0},
	{"mg/L", "mass concentration in water", 1, 0},
	{"ug/L", "mass concentration in water", 1e-3, 0},
	{"g/L", "mass concentration in water", 1e3, 0},
	{"[ppm]", "mole fraction", 1, 0},
	{"[ppb]", "mole fraction", 1e-3, 0},
	{"%", "ratio", 1, 0},
	{"1", "number", 1, 0},
	{"hPa", "pressure", 1, 0},
	{"Pa", "pressure", 0.01, 0},
	{"kPa", "pressure", 10, 0},
	{"MPa", "pressure", 1e4, 0},
	{"bar", "pressure", 1000, 0},
	{"mbar", "pressure", 1, 0},
	{"[psi]", "pressure", 68.94757293168361, 0},
	{"m[Hg]", "pressure", 1333.22387415, 0},
	{"mm[Hg]", "pressure", 1.33322387415, 0},
	{"[in_i'Hg]", "pressure", 33.86388640341, 0},
	{"mm[H2O]", "pressure", 0.0980665, 0},
	{"m[H2O]", "pressure", 98.0665, 0},
	{"m/s", "speed", 1, 0},
	{"km/h", "speed", 1 / 3.6, 0},
	{"[kn_i]", "speed", 1852.0 / 3600, 0},
	{"cm/s", "speed", 0.01, 0},
	{"deg", "plane angle", 1, 0},
	{"rad", "plane angle", 57.29577951308232, 0},
	{"mm/h", "rainfall rate", 1, 0},
	{"dB[SPL]", "sound level", 1, 0},
	{"[pH]", "acidity", 1, 0},
	{"{NTU}", "turbidity", 1, 0},
	{"{FNU}", "turbidity (FNU)", 1, 0},
	{"uS/cm", "conductivity", 1, 0},
	{"mS/cm", "conductivity", 1000, 0},
	{"S/m", "conductivity", 10000, 0},
	{"mS/m", "conductivity", 10, 0},
	{"V", "voltage", 1, 0},
	{"mV", "voltage", 1e-3, 0},
	{"m", "length", 1, 0},
	{"cm", "length", 0.01, 0},
	{"mm", "length", 1e-3, 0},
	{"km", "length", 1e3, 0},
	{"[ft_i]", "length", 0.3048, 0},
	{"[in_i]", "length", 0.0254, 0},
	{"L/s", "flow", 1, 0},
	{"m3/s", "flow", 1000, 0},
	{"m3/h", "flow", 1 / 3.6, 0},
	{"L/min", "flow", 1.0 / 60, 0},
	{"{CFU}/(100.mL)", "bacteria in water", 1, 0},
	{"{dBm}", "signal strength", 1, 0},
	{"s", "time", 1, 0},
	{"ms", "time", 1e-3, 0},
	{"min", "time", 60, 0},
	{"h", "time", 3600, 0},
	{"A", "current", 1, 0},
	{"mA", "current", 1e-3, 0},
	{"W/m2", "irradiance", 1, 0},
	{"Ohm", "resistance", 1, 0},
	{"kOhm", "resistance", 1e3, 0},
	{"lx", "illuminance", 1, 0},
	/* of properties of one's own, as SenML (RFC 8428, RFC 8798) and meters tell them */
	{"W", "power", 1, 0},
	{"kW", "power", 1e3, 0},
	{"V.A", "apparent power", 1, 0},
	{"kV.A", "apparent power", 1e3, 0},
	{"J", "energy", 1, 0},
	{"W.h", "energy", 3600, 0},
	{"kW.h", "energy", 3.6e6, 0},
	{"A.h", "electric charge", 1, 0},
	{"Hz", "frequency", 1, 0},
	{"MHz", "frequency", 1e6, 0},
	{"1/s", "rate", 1, 0},
	{"1/min", "rate", 1.0 / 60, 0},
	{"L", "volume", 1, 0},
	{"m3", "volume", 1000, 0},
	{"g", "mass", 1, 0},
	{"kg", "mass", 1e3, 0},
	{"m2", "area", 1, 0},
	{"m/s2", "acceleration", 1, 0},
	{"N", "force", 1, 0},
	{"F", "capacitance", 1, 0},
	{"lm", "luminous flux", 1, 0},
	{"Bq", "radioactivity", 1, 0},
	{"bit/s", "data rate", 1, 0},
	{"Mbit/s", "data rate", 1e6, 0},
};

static const struct {
	const char *text, *ucum;
} spellings[] = {
	{"°C", "Cel"},
	{"degC", "Cel"},
	{"C", "Cel"},
	{"celsius", "Cel"},
	{"°F", "[degF]"},
	{"degF", "[degF]"},
	{"µg/m³", "ug/m3"},
	{"µg/m3", "ug/m3"},
	{"ug/m³", "ug/m3"},
	{"mg/m³", "mg/m3"},
	{"mg/l", "mg/L"},
	{"µg/l", "ug/L"},
	{"µg/L", "ug/L"},
	{"ug/l", "ug/L"},
	{"ppm", "[ppm]"},
	{"ppb", "[ppb]"},
	{"%RH", "%"},
	{"%EL", "%"},
	{"/", "1"},
	{"mmHg", "mm[Hg]"},
	{"psi", "[psi]"},
	{"PSI", "[psi]"},
	{"inHg", "[in_i'Hg]"},
	{"mmH2O", "mm[H2O]"},
	{"mH2O", "m[H2O]"},
	{"kn", "[kn_i]"},
	{"°", "deg"},
	{"dB(A)", "dB[SPL]"},
	{"dBA", "dB[SPL]"},
	{"dB", "dB[SPL]"},
	{"pH", "[pH]"},
	{"NTU", "{NTU}"},
	{"[NTU]", "{NTU}"},
	{"FNU", "{FNU}"},
	{"µS/cm", "uS/cm"},
	{"{PSU}", "1"},
	{"PSU", "1"},
	{"ft", "[ft_i]"},
	{"in", "[in_i]"},
	{"l/s", "L/s"},
	{"l/min", "L/min"},
	{"g/l", "g/L"},
	{"lat", "deg"},
	{"lon", "deg"},
	{"m³/s", "m3/s"},
	{"m³/h", "m3/h"},
	{"[CFU]/(100.mL)", "{CFU}/(100.mL)"},
	{"dBm", "{dBm}"},
	{"count", "1"},
	{"l", "L"},
	{"VA", "V.A"},
	{"kVA", "kV.A"},
	{"Wh", "W.h"},
	{"kWh", "kW.h"},
	{"Ah", "A.h"},
	{"Ω", "Ohm"},
	{"ohm", "Ohm"},
};

static const struct fg_unit *find_code(const char *code)
{
	for (size_t i = 0; i < FG_COUNT(units); i++)
		if (strcmp(units[i].ucum, code) == 0)
			return &units[i];
	return NULL;
}

const struct fg_unit *fg_unit_find(const char *text)
{
	for (size_t i = 0; i < FG_COUNT(spellings); i++)
		if (strcmp(spellings[i].text, text) == 0)
			return find_code(spellings[i].ucum);
	return find_code(text);
}

const char *fg_unit_suggest(const char *text)
{
	const char *names[FG_COUNT(units)];

	for (size_t i = 0; i < FG_COUNT(units); i++)
		names[i] = units[i].ucum;
	return fg_suggest(text, names, FG_COUNT(units));
}

bool fg_unit_convert(const struct fg_unit *from, const struct fg_unit *to, double *ret_factor,
	double *ret_offset)
{
	if (strcmp(from->dimension, to->dimension) != 0)
		return false;
	*ret_factor = from == to ? 1 : from->factor / to->factor;
	*ret_offset = from == to ? 0 : (from->offset - to->offset) / to->factor;
	return true;
}

bool fg_unit_plausible(const char *text)
{
	int square = 0, curly = 0, round = 0;
	size_t n = strlen(text);

	if (n == 0 || n > 40)
		return false;
	for (const char *p = text; *p; p++) {
		if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
			return false;
		square += (*p == '[') - (*p == ']');
		curly += (*p == '{') - (*p == '}');
		round += (*p == '(') - (*p == ')');
		if (square < 0 || curly < 0 || round < 0)
			return false;
	}
	return square == 0 && curly == 0 && round == 0;
}

const char *fg_unit_words(const char *ucum)
{
	static const char *const words[][2] = {{"Cel", "°C"}, {"[pH]", ""}, {"1", ""},
		{"deg", "°"}, {"ug/m3", "µg/m³"}, {"mg/m3", "mg/m³"}, {"uS/cm", "µS/cm"},
		{"ug/L", "µg/L"}, {"umol/L", "µmol/L"}, {"m3/s", "m³/s"}, {"W/m2", "W/m²"},
		{"[NTU]", "NTU"}, {"{NTU}", "NTU"}, {"[ppb]", "ppb"}, {"[ppm]", "ppm"},
		{"dB[A]", "dB(A)"}, {"g/m3", "g/m³"}};

	for (size_t i = 0; i < FG_COUNT(words); i++)
		if (strcmp(words[i][0], ucum) == 0)
			return words[i][1];
	return ucum;
}
