/// Threads that work on one call together.
#ifndef FERRY_TEAM_H
#define FERRY_TEAM_H

#include <stddef.h>

#include "ferry_realtime.h"

#pragma clang assume_nonnull begin

/// The calling thread and some that wait for it. One call at a time may use a team.
typedef struct ferry_team ferry_team;

/// A team of `members` threads, at least 1; NULL where the system gives no more threads. The new ones spin for a moment
/// after a call and then sleep.
ferry_team *_Nullable ferry_team_create(size_t members);

/// Ends the threads.
void ferry_team_destroy(ferry_team *team);

/// The number of threads, the calling one included.
size_t ferry_team_members(const ferry_team *team) FERRY_REALTIME;

/// Runs `work` on every member and waits for all. `member` counts from 0, the calling thread.
void ferry_team_run(ferry_team *team, void (*work)(void *context, size_t member), void *context);

/// Inside `work`, waits by spinning until every member has come here; all of them must.
void ferry_team_barrier(ferry_team *team);

#pragma clang assume_nonnull end

#endif
