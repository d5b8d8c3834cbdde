// A team of threads: work is announced by a number that goes up.
#include <pthread.h>
#include <stdlib.h>

#include "include/ferry_team.h"

// How often a member looks before it sleeps, or before it lets another thread run: some tens of microseconds.
enum { looks_before_sleep = 1 << 14, looks_before_yield = 1 << 16 };

typedef struct member {
    ferry_team *team;
    size_t number;
    pthread_t thread;
} member;

struct ferry_team {
    size_t members;
    member *others;
    void (*work)(void *, size_t);
    void *context;
    _Atomic(size_t) round, done, arrived, phase;
    _Atomic(int) ends;
    pthread_mutex_t mutex;
    pthread_cond_t announced;
};

static size_t load(_Atomic(size_t) *value) { return __c11_atomic_load(value, __ATOMIC_ACQUIRE); }

static void pause_briefly(void) {
#if defined(__x86_64__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

// Spins while `value` is `old`.
static void spin_while(_Atomic(size_t) *value, size_t old) {
    for (size_t looks = 0; load(value) == old; looks++) {
        pause_briefly();
        if (looks > looks_before_yield) sched_yield();
    }
}

static void wait_for_round(ferry_team *team, size_t last) {
    for (int looks = 0; looks < looks_before_sleep; looks++) {
        if (load(&team->round) != last) return;
        pause_briefly();
    }
    pthread_mutex_lock(&team->mutex);
    while (load(&team->round) == last) pthread_cond_wait(&team->announced, &team->mutex);
    pthread_mutex_unlock(&team->mutex);
}

static void *serve(void *argument) {
    member *self = argument;
    ferry_team *team = self->team;
    for (size_t round = 0;; round++) {
        wait_for_round(team, round);
        if (__c11_atomic_load(&team->ends, __ATOMIC_ACQUIRE)) return NULL;
        team->work(team->context, self->number);
        __c11_atomic_fetch_add(&team->done, 1, __ATOMIC_RELEASE);
    }
}

static void announce(ferry_team *team) {
    pthread_mutex_lock(&team->mutex);
    __c11_atomic_fetch_add(&team->round, 1, __ATOMIC_RELEASE);
    pthread_cond_broadcast(&team->announced);
    pthread_mutex_unlock(&team->mutex);
}

static int start(ferry_team *team, size_t members) {
    for (; team->members < members; team->members++) {
        member *other = &team->others[team->members - 1];
        *other = (member){team, team->members, 0};
        if (pthread_create(&other->thread, NULL, serve, other) != 0) return 0;
    }
    return 1;
}

ferry_team *ferry_team_create(size_t members) {
    ferry_team *team = calloc(1, sizeof(ferry_team));
    if (team == NULL) return NULL;
    team->members = 1;
    team->others = calloc(members, sizeof(member));
    pthread_mutex_init(&team->mutex, NULL);
    pthread_cond_init(&team->announced, NULL);
    if (team->others != NULL && start(team, members)) return team;
    ferry_team_destroy(team);
    return NULL;
}

void ferry_team_destroy(ferry_team *team) {
    __c11_atomic_store(&team->ends, 1, __ATOMIC_RELEASE);
    announce(team);
    for (size_t i = 0; i + 1 < team->members; i++) pthread_join(team->others[i].thread, NULL);
    pthread_cond_destroy(&team->announced);
    pthread_mutex_destroy(&team->mutex);
    free(team->others);
    free(team);
}

size_t ferry_team_members(const ferry_team *team) FERRY_REALTIME { return team->members; }

void ferry_team_run(ferry_team *team, void (*work)(void *, size_t), void *context) {
    team->work = work;
    team->context = context;
    __c11_atomic_store(&team->done, 1, __ATOMIC_RELAXED);
    announce(team);
    work(context, 0);
    for (size_t done = load(&team->done); done < team->members; done = load(&team->done)) {
        spin_while(&team->done, done);
    }
}

void ferry_team_barrier(ferry_team *team) {
    size_t phase = load(&team->phase);
    if (__c11_atomic_fetch_add(&team->arrived, 1, __ATOMIC_ACQ_REL) + 1 == team->members) {
        __c11_atomic_store(&team->arrived, 0, __ATOMIC_RELAXED);
        __c11_atomic_fetch_add(&team->phase, 1, __ATOMIC_RELEASE);
        return;
    }
    spin_while(&team->phase, phase);
}
