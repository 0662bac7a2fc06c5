/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* What people read: aligned tables, relative times, colour. */
#ifndef AID_OUTPUT_H
#define AID_OUTPUT_H

#include "error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum output_colour { OUTPUT_PLAIN, OUTPUT_BOLD, OUTPUT_GREEN, OUTPUT_YELLOW, OUTPUT_RED };

/* Escape sequences around text; text alone where colour is off. */
void output_coloured(bool colour, enum output_colour which, const char *text);

#define OUTPUT_COLUMNS_MAX 12U

/* Cells in rows under headings. Columns are as wide as their widest cell, and one in which every
 * cell is empty is left out. */
struct output_table {
	const char *const *headings; /* NULL-terminated, at most OUTPUT_COLUMNS_MAX */
	char **cells;
	enum output_colour *colours; /* of each cell */
	size_t n_cells;
};

/* Appends the next cell, a copy; rows fill up from left to right. */
int output_cell(struct output_table *table, enum output_colour colour, const char *text) AID_WUR;
void output_table_print(const struct output_table *table, bool colour);
void output_table_done(struct output_table *table);

#define OUTPUT_TIME_SIZE 48U

/* "45s", "4m 12s", "2h 5m", "3d 4h": the two largest units. Negative is taken as 0. */
const char *output_duration(int64_t ms, char out[OUTPUT_TIME_SIZE]);
/* "in 4m 12s", "now", or "2h 5m ago"; "-" for 0, which stands for unknown. */
const char *output_relative(int64_t wall_ms, int64_t now_wall_ms, char out[OUTPUT_TIME_SIZE]);
/* "25.0 MB". */
const char *output_bytes(int64_t bytes, char out[OUTPUT_TIME_SIZE]);

#endif
