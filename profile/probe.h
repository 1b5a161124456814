/* profile/probe.h — private to the probe and its tests: what files of Linux say, as text. */
#ifndef ALP_PROFILE_PROBE_H
#define ALP_PROFILE_PROBE_H

#include <sched.h>

#include "profile/machine.h"

/* "48K", "32M", "123" in bytes; 0: no size. */
uint64_t probe_size(const char *text);
/* "0-3,8,10-11": how many of them are in `set` (NULL: all count). */
uint32_t probe_cpu_list(const char *text, const cpu_set_t *set);
/* cpu.max of version 2, "150000 100000" or "max 100000": whole processors, rounded up; 0: no limit. */
uint32_t probe_quota(const char *text);
/* cpu.cfs_quota_us and cpu.cfs_period_us of version 1; likewise. */
uint32_t probe_quota_v1(const char *quota, const char *period);
/* memory.max or memory.limit_in_bytes; 0: no limit. */
uint64_t probe_memory_limit(const char *text);
/* This process' group in /proc/self/cgroup's text: of the version-1 hierarchy with that controller, NULL: of version 2.  false: none. */
bool     probe_group(const char *text, const char *controller, char *out, size_t size);
/* The value of the first line "name : value". */
bool     probe_field(const char *text, const char *name, char *out, size_t size);
/* "Intel(R) Xeon(R) CPU @ 2.60GHz": 2.6; 0: it says none. */
double   probe_clock_of_name(const char *name);

/* CPU, instruction set and cores, all else 0; set: what may be run on. */
void     probe_identity(HostMachine *h, cpu_set_t *set);

#endif
