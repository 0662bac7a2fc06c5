/* SPDX-License-Identifier: LGPL-2.1-or-later
 * Copyright The agentid authors */
/* A circular doubly linked list whose nodes live in the objects. */
#ifndef KD_LIST_H
#define KD_LIST_H

#include <stdbool.h>
#include <stddef.h>

struct kd_list {
	struct kd_list *next, *prev;
};

#define KD_CONTAINER(pointer, type, member)                                                        \
	((type *)(void *)((char *)(pointer) - offsetof(type, member)))

static inline void kd_list_init(struct kd_list *list)
{
	list->next = list->prev = list;
}

/* True for an empty list and for a node that is in none. */
static inline bool kd_list_is_empty(const struct kd_list *list)
{
	return list->next == list;
}

static inline void kd_list_append(struct kd_list *list, struct kd_list *node)
{
	node->prev = list->prev;
	node->next = list;
	list->prev->next = node;
	list->prev = node;
}

static inline void kd_list_prepend(struct kd_list *list, struct kd_list *node)
{
	kd_list_append(list->next, node);
}

/* Leaves the node in no list; does nothing when it is in none. */
static inline void kd_list_remove(struct kd_list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
	kd_list_init(node);
}

#endif
