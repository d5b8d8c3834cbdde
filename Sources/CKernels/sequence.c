// The walk of a recurrent cell over time.
#include <string.h>

#include "include/ferry_denormals.h"
#include "include/ferry_sequence.h"

enum {
    // Floats of x·W + b that are computed at once: they should stay in the second-level cache.
    projected_floats = 1 << 17,
    // So few features are cheaper multiplied in each step than written and read again.
    few_features = 4,
    // Rows of x that are rounded at once for weights of int8.
    rounded_rows = 48,
    // From so many units on, members of a team that meet at every step are worth the waiting.
    shared_units = 256,
};

static size_t padded(size_t count) { return (count + 15) & ~(size_t)15; }

static size_t columns(const ferry_sequence *s) { return s->table->cell_columns(s->step.cell, s->step.hidden); }

static int multiplies_in_step(const ferry_sequence *s) { return s->time == 1 || s->features <= few_features; }

// Steps that are projected together.
static size_t block_length(const ferry_sequence *s) {
    size_t steps = projected_floats / (s->batch * columns(s) + 1);
    if (steps < 1) steps = 1;
    return steps < s->time ? steps : s->time;
}

static int is_contiguous(const ferry_sequence *s) {
    return (s->batch == 1 && s->x_time_stride == s->features) ||
           (s->x_row_stride == s->features && s->x_time_stride == s->batch * s->features);
}

static size_t members(const ferry_sequence *s) { return s->team ? ferry_team_members(s->team) : 1; }

// Each member takes some rows and meets the others at the end only.
static int splits_rows(const ferry_sequence *s) { return members(s) > 1 && s->batch >= 2 * members(s); }

// Each member takes some units and meets the others at every step. GRU with reset before the product would have to
// meet twice.
static int splits_units(const ferry_sequence *s) {
    return members(s) > 1 && !splits_rows(s) && !s->mask && s->step.hidden >= shared_units &&
           s->step.cell != FERRY_CELL_GRU_RESET_BEFORE;
}

// A member's view of the workspace, and its share of the units.
typedef struct space {
    float *projection, *gathered, *scratch, *h, *c, *rounded;
    uint8_t *has_output;
    size_t part, parts;
} space;

static size_t lay_out(const ferry_sequence *s, space *space, size_t part, size_t parts) {
    const size_t state = padded(s->batch * s->step.hidden), rows = s->batch * block_length(s);
    float *next = s->workspace;
    const size_t scratch = padded(s->table->cell_scratch_floats(&s->step, s->batch));
    space->part = part;
    space->parts = parts;
    space->scratch = next + part * scratch;
    next += parts * scratch;
    const size_t rounded = s->step.weights.format == FERRY_WEIGHTS_INT8 ? padded(rounded_rows * (s->features / 2 + 2)) : 0;
    space->rounded = next + part * rounded;
    next += parts * rounded;
    space->h = next;
    next += state;
    space->c = next;
    next += s->mask ? state : 0;
    space->has_output = (uint8_t *)next;
    next += s->mask ? padded(s->batch) : 0;
    space->projection = next;
    next += multiplies_in_step(s) ? 0 : padded(rows * columns(s));
    space->gathered = next;
    next += multiplies_in_step(s) || is_contiguous(s) ? 0 : padded(rows * s->features);
    return (size_t)(next - s->workspace);
}

// The rows from the `member`-th share of the batch, as a sequence of its own.
static ferry_sequence share_of_rows(const ferry_sequence *s, size_t member) {
    ferry_sequence share = *s;
    const size_t first = s->batch * member / members(s);
    share.team = NULL;
    share.batch = s->batch * (member + 1) / members(s) - first;
    share.x += first * s->x_row_stride;
    if (s->mask) share.mask += first * s->mask_row_stride;
    if (s->output) share.output += first * s->output_row_stride;
    share.h += first * s->step.hidden;
    if (s->c) share.c += first * s->step.hidden;
    return share;
}

size_t ferry_sequence_workspace(const ferry_sequence *sequence) FERRY_REALTIME {
    space space;
    if (!splits_rows(sequence)) {
        return lay_out(sequence, &space, 0, splits_units(sequence) ? members(sequence) : 1);
    }
    size_t total = 0;
    for (size_t member = 0; member < members(sequence); member++) {
        ferry_sequence share = share_of_rows(sequence, member);
        total += lay_out(&share, &space, 0, 1);
    }
    return total;
}

#if __has_warning("-Wfunction-effects")
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wfunction-effects" // Only a sequence with a team waits, as it says.
#endif

static void meet(const ferry_sequence *s, const space *space) FERRY_REALTIME {
    if (space->parts > 1) ferry_team_barrier(s->team);
}

static void run_team(ferry_sequence *s, void (*work)(void *, size_t)) FERRY_REALTIME {
    ferry_team_run(s->team, work, s);
}

#if __has_warning("-Wfunction-effects")
#pragma clang diagnostic pop
#endif

// Rows [begin, end) of x as [step, row, feature] without gaps, the steps counted from `first`.
static const float *contiguous_input(const ferry_sequence *s, const space *space, size_t first, size_t begin,
                                     size_t end) {
    const float *x = s->x + first * s->x_time_stride;
    if (is_contiguous(s)) return x + begin * s->features;
    for (size_t i = begin; i < end; i++) {
        const float *from = x + i / s->batch * s->x_time_stride + i % s->batch * s->x_row_stride;
        memcpy(space->gathered + i * s->features, from, s->features * sizeof(float));
    }
    return space->gathered + begin * s->features;
}

// x·W + b of `length` steps from `first` on; every member of a team takes some rows.
static void project(const ferry_sequence *s, const space *space, size_t first, size_t length) {
    const size_t rows = length * s->batch, width = columns(s);
    const size_t begin = rows * space->part / space->parts, end = rows * (space->part + 1) / space->parts;
    if (begin < end) {
        s->table->product(end - begin, width, contiguous_input(s, space, first, begin, end), s->features,
                          &s->step.input_weights, space->projection + begin * width, width, s->bias, space->rounded);
    }
    meet(s, space);
}

// Sets where the k-th step in the order of processing finds its input, projecting a block of steps when one begins.
static void set_input(const ferry_sequence *s, const space *space, size_t k, ferry_step *step) {
    size_t t = s->go_backwards ? s->time - 1 - k : k;
    if (multiplies_in_step(s)) {
        step->x_projection = s->bias;
        step->x_projection_stride = 0;
        step->input = s->x + t * s->x_time_stride;
        step->input_stride = s->x_row_stride;
        return;
    }
    const size_t block = block_length(s), start = k - k % block, width = columns(s);
    size_t length = s->time - start < block ? s->time - start : block;
    size_t first = s->go_backwards ? s->time - start - length : start;
    if (k == start) project(s, space, first, length);
    step->x_projection = space->projection + (t - first) * s->batch * width;
    step->x_projection_stride = width;
    step->input_weights.depth = 0;
}

static ferry_step first_step(const ferry_sequence *s, const space *space) {
    ferry_step step = s->step;
    step.rows = s->batch;
    step.part = space->part;
    step.parts = space->parts;
    step.scratch = space->scratch;
    step.h_prev = s->h;
    step.h_prev_stride = s->step.hidden;
    step.c_prev = step.c = s->c;
    step.c_prev_stride = step.c_stride = s->step.hidden;
    return step;
}

static void copy_rows(size_t rows, size_t width, const float *from, size_t from_stride, float *to, size_t to_stride) {
    for (size_t row = 0; row < rows; row++) {
        memcpy(to + row * to_stride, from + row * from_stride, width * sizeof(float));
    }
}

// Writes every h straight into the output, or by turns into two buffers.
static void walk_unmasked(const ferry_sequence *s, const space *space) {
    const size_t hidden = s->step.hidden;
    ferry_step step = first_step(s, space);
    for (size_t k = 0; k < s->time; k++) {
        set_input(s, space, k, &step);
        step.backwards = k & 1; // What the caches still hold of the weights comes first.
        const int is_output = s->output && (s->output_time_stride || k + 1 == s->time);
        if (is_output) step.h = s->output + (ptrdiff_t)k * s->output_time_stride;
        else step.h = step.h_prev == space->h ? s->h : space->h;
        step.h_stride = is_output ? s->output_row_stride : hidden;
        s->table->cell_step(&step);
        meet(s, space);
        step.h_prev = step.h;
        step.h_prev_stride = step.h_stride;
    }
    if (space->part == 0 && step.h_prev != s->h) copy_rows(s->batch, hidden, step.h_prev, step.h_prev_stride, s->h, hidden);
}

// What a row puts out after a step, and its states if the step counts.
static void take_over(const ferry_sequence *s, const space *space, size_t row, size_t k, int counts) {
    const size_t hidden = s->step.hidden, offset = row * hidden, bytes = hidden * sizeof(float);
    if (counts) {
        space->has_output[row] = 1;
        memcpy(s->h + offset, space->h + offset, bytes);
        if (s->c) memcpy(s->c + offset, space->c + offset, bytes);
    }
    if (!s->output) return;
    float *output = s->output + (ptrdiff_t)k * s->output_time_stride + row * s->output_row_stride;
    if (counts || (space->has_output[row] && !s->zero_output_for_mask)) memcpy(output, s->h + offset, bytes);
    else memset(output, 0, bytes);
}

// Steps all rows aside and takes over those that count; the others keep their states.
static void walk_masked(const ferry_sequence *s, const space *space) {
    ferry_step step = first_step(s, space);
    step.h = space->h;
    step.c = space->c;
    step.h_stride = s->step.hidden;
    memset(space->has_output, s->begins_with_state != 0, s->batch);
    for (size_t k = 0; k < s->time; k++) {
        const uint8_t *mask = s->mask + (s->go_backwards ? s->time - 1 - k : k) * s->mask_time_stride;
        int any = 0;
        for (size_t row = 0; row < s->batch && !any; row++) any = mask[row * s->mask_row_stride];
        set_input(s, space, k, &step);
        step.backwards = k & 1;
        if (any) s->table->cell_step(&step);
        for (size_t row = 0; row < s->batch; row++) take_over(s, space, row, k, mask[row * s->mask_row_stride]);
    }
}

static void walk(const ferry_sequence *s, size_t part, size_t parts) {
    const uint64_t saved = ferry_flush_denormals_begin();
    space space;
    lay_out(s, &space, part, parts);
    if (s->mask) walk_masked(s, &space);
    else walk_unmasked(s, &space);
    ferry_flush_denormals_end(saved);
}

static void walk_some_units(void *sequence, size_t member) { walk(sequence, member, members(sequence)); }

static void walk_some_rows(void *sequence, size_t member) {
    const ferry_sequence *s = sequence;
    ferry_sequence share = share_of_rows(s, member);
    for (size_t i = 0; i < member; i++) {
        ferry_sequence before = share_of_rows(s, i);
        share.workspace += ferry_sequence_workspace(&before);
    }
    walk(&share, 0, 1);
}

void ferry_sequence_run(const ferry_sequence *sequence) FERRY_REALTIME {
    ferry_sequence whole = *sequence;
    if (whole.batch == 0 || whole.time == 0) return;
    if (splits_rows(&whole)) run_team(&whole, walk_some_rows);
    else if (splits_units(&whole)) run_team(&whole, walk_some_units);
    else walk(&whole, 0, 1);
}
