/* SPDX-License-Identifier: BSD-2-Clause OR GPL-2.0-only */
/* Capacities that both sides compile in. What depends on an installation is in struct tg_identity. */
#ifndef TIDEGATE_ABI_LIMITS_H
#define TIDEGATE_ABI_LIMITS_H

#define TG_SERVICES 256            /* slots of services, those below included; a power of two */
#define TG_POLICY_SERVICES 250     /* slots 0 … 249 are services of the policy */
#define TG_SERVICE_SAFELIST 251    /* counters of safelisted sources */
#define TG_SERVICE_PROXY 252       /* counters of trusted proxies */
#define TG_SERVICE_REPLIES 253     /* bucket and counters of replies to the host */
#define TG_SERVICE_LIMITED 254     /* buckets of limit decisions */
#define TG_SERVICE_NONE 255        /* what no service matches: counters only */

#define TG_RANGES 4096             /* protocol and port ranges over all destination classes, a power of two */
#define TG_DESTINATION_CLASSES 64  /* class 0: no service names this destination */
#define TG_ADDRESS_RANGES 4096     /* boundaries of an address table, a power of two */
#define TG_SOURCE_ENTRIES 1024     /* safelist entries and trusted proxies together; entry 0 is "none" */
#define TG_SOURCE_CHAIN 4          /* covering entries tried when an entry is bound to another interface */
#define TG_FILTER_BITS 65536       /* prefilter of an address table, per family */

#define TG_WAYS 8                  /* ways of a set of the bucket table */
#define TG_BLOCK_WAYS 8            /* slots of a bucket of the block table */
#define TG_BLOCK_STASH 16
#define TG_PREFIX_LENGTHS 64       /* distinct prefix lengths among blocks (and among limits), per family */
#define TG_AGGREGATES 4096         /* aggregate buckets, direct-mapped, a power of two */
#define TG_FLOW_WAYS 8
#define TG_PROVEN_PAGE 4096        /* bytes of one value of the proven bitmap */
#define TG_PROVEN_PAGES 1024       /* values: 2^24 bits per generation, interleaved */
#define TG_INTERFACES 256          /* slots of interface counters: ifindex modulo this */

#define TG_LIMITS 65536           /* limit decisions */
#define TG_LIMIT_FILTER_LINES 1024 /* values of map `limit_filter` */
#define TG_FLOW_BLOCKS 65536      /* blocked connections */
#define TG_FLOW_FILTER_LINES 2048 /* values of map `flow_filter`, a power of two */
#define TG_RULE_NAME 64           /* bytes of the name of a rule, its NUL included */

#define TG_MAX_EXTENSIONS 6
#define TG_CAS_RETRIES 8
#define TG_LOOKUP_BURST 64         /* socket lookups of the replies test at once, per CPU */

#endif
