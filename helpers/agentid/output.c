/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
#include "output.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS (60 * MINUTE_MS)
#define DAY_MS (24 * HOUR_MS)

static const char *escape(enum output_colour which)
{
	static const char *const escapes[] = {
		[OUTPUT_PLAIN] = "",
		[OUTPUT_BOLD] = "\033[1m",
		[OUTPUT_GREEN] = "\033[32m",
		[OUTPUT_YELLOW] = "\033[33m",
		[OUTPUT_RED] = "\033[31m",
	};

	return escapes[which];
}

void output_coloured(bool colour, enum output_colour which, const char *text)
{
	if (!colour || which == OUTPUT_PLAIN)
		(void)fputs(text, stdout);
	else
		(void)printf("%s%s\033[0m", escape(which), text);
}

static size_t count_columns(const struct output_table *table)
{
	size_t count = 0;

	while (table->headings[count] != NULL)
		count++;
	return count;
}

int output_cell(struct output_table *table, enum output_colour colour, const char *text)
{
	char **cells = reallocarray(table->cells, table->n_cells + 1, sizeof(*cells));
	enum output_colour *colours;

	if (cells == NULL)
		return AID_E_NOMEM;
	table->cells = cells;
	colours = reallocarray(table->colours, table->n_cells + 1, sizeof(*colours));
	if (colours == NULL)
		return AID_E_NOMEM;
	table->colours = colours;
	cells[table->n_cells] = strdup(text);
	if (cells[table->n_cells] == NULL)
		return AID_E_NOMEM;
	colours[table->n_cells++] = colour;
	return AID_OK;
}

/* 0 for a column of empty cells. */
static size_t column_width(const struct output_table *table, size_t columns, size_t column)
{
	size_t width = 0;

	for (size_t i = column; i < table->n_cells; i += columns) {
		size_t length = strlen(table->cells[i]);

		width = length > width ? length : width;
	}
	if (width > 0 && strlen(table->headings[column]) > width)
		width = strlen(table->headings[column]);
	return width;
}

static void print_cell(bool colour, enum output_colour which, const char *text, size_t width, bool last)
{
	output_coloured(colour, which, text);
	if (!last)
		(void)printf("%*s", (int)(width - strlen(text) + 2), "");
}

static void print_row(const char *const *texts, const enum output_colour *colours, const size_t *widths,
	size_t columns, bool colour)
{
	size_t last = columns;

	while (last > 0 && (widths[last - 1] == 0 || texts[last - 1][0] == '\0'))
		last--;
	for (size_t i = 0; i < last; i++) {
		if (widths[i] > 0)
			print_cell(colour, colours == NULL ? OUTPUT_BOLD : colours[i], texts[i], widths[i],
				i + 1 == last);
	}
	(void)fputc('\n', stdout);
}

void output_table_print(const struct output_table *table, bool colour)
{
	size_t columns = count_columns(table);
	size_t widths[OUTPUT_COLUMNS_MAX] = {0};

	for (size_t i = 0; i < columns; i++)
		widths[i] = column_width(table, columns, i);
	print_row(table->headings, NULL, widths, columns, colour);
	for (size_t i = 0; i + columns <= table->n_cells; i += columns)
		print_row((const char *const *)table->cells + i, table->colours + i, widths, columns,
			colour);
}

void output_table_done(struct output_table *table)
{
	for (size_t i = 0; i < table->n_cells; i++)
		free(table->cells[i]);
	free(table->cells);
	free(table->colours);
	*table = (struct output_table){.headings = table->headings};
}

const char *output_duration(int64_t ms, char out[OUTPUT_TIME_SIZE])
{
	static const struct {
		int64_t ms;
		char unit;
	} units[] = {{DAY_MS, 'd'}, {HOUR_MS, 'h'}, {MINUTE_MS, 'm'}, {SECOND_MS, 's'}};
	size_t i = 0;

	if (ms < SECOND_MS) {
		(void)snprintf(out, OUTPUT_TIME_SIZE, "0s");
		return out;
	}
	while (ms < units[i].ms)
		i++;
	if (units[i].ms == SECOND_MS || ms % units[i].ms / units[i + 1].ms == 0)
		(void)snprintf(out, OUTPUT_TIME_SIZE, "%lld%c", (long long)(ms / units[i].ms),
			units[i].unit);
	else
		(void)snprintf(out, OUTPUT_TIME_SIZE, "%lld%c %lld%c", (long long)(ms / units[i].ms),
			units[i].unit, (long long)(ms % units[i].ms / units[i + 1].ms),
			units[i + 1].unit);
	return out;
}

const char *output_relative(int64_t wall_ms, int64_t now_wall_ms, char out[OUTPUT_TIME_SIZE])
{
	char duration[OUTPUT_TIME_SIZE];
	int64_t distance;

	if (wall_ms <= 0)
		return "-";
	if (__builtin_sub_overflow(wall_ms, now_wall_ms, &distance))
		return "-";
	if (distance > -SECOND_MS && distance < SECOND_MS)
		return "now";
	(void)output_duration(distance < 0 ? -distance : distance, duration);
	(void)snprintf(out, OUTPUT_TIME_SIZE, distance < 0 ? "%.40s ago" : "in %.40s", duration);
	return out;
}

const char *output_bytes(int64_t bytes, char out[OUTPUT_TIME_SIZE])
{
	if (bytes < 10000)
		(void)snprintf(out, OUTPUT_TIME_SIZE, "%lld B", (long long)bytes);
	else if (bytes < 1000000)
		(void)snprintf(out, OUTPUT_TIME_SIZE, "%lld kB", (long long)(bytes / 1000));
	else
		(void)snprintf(out, OUTPUT_TIME_SIZE, "%lld.%lld MB", (long long)(bytes / 1000000),
			(long long)(bytes / 100000 % 10));
	return out;
}
