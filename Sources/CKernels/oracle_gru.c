// One GRU step, unit by unit. Equations: ferry_recurrent.h.
#include "oracle_recurrent.h"

enum { update, reset, candidate };

static double from_input(const ferry_step *s, size_t row, size_t gate, size_t unit) {
    return oracle_input(s, row, 3 * s->hidden, gate * s->hidden + unit);
}

static int resets_after(const ferry_step *s) { return s->cell == FERRY_CELL_GRU_RESET_AFTER; }

// state·U + b for one unit of one gate.
static double from_state(const ferry_step *s, const float *state, size_t gate, size_t unit) {
    size_t column = gate * s->hidden + unit, columns = 3 * s->hidden;
    double bias = s->recurrent_bias ? s->recurrent_bias[column] : 0;
    return bias + oracle_product(state, s->weights, columns, column);
}

static double gate_value(const ferry_step *s, size_t row, size_t gate, size_t unit) {
    const float *h_prev = s->h_prev + row * s->h_prev_stride;
    double x = from_input(s, row, gate, unit) + from_state(s, h_prev, gate, unit);
    return ferry_oracle_activation(s->recurrent_activation, oracle_clip(x, s->clip));
}

static void finish_unit(const ferry_step *s, size_t row, size_t unit) {
    const float *h_prev = s->h_prev + row * s->h_prev_stride;
    double z = gate_value(s, row, update, unit), r = gate_value(s, row, reset, unit);
    double scaled = resets_after(s) ? r * from_state(s, h_prev, candidate, unit)
                                   : from_state(s, s->scratch + row * s->hidden, candidate, unit);
    double x = from_input(s, row, candidate, unit) + scaled;
    double n = ferry_oracle_activation(s->activation, oracle_clip(x, s->clip));
    s->h[row * s->h_stride + unit] = (float)(z * h_prev[unit] + (1 - z) * n);
    if (s->gates == NULL) return;
    float *kept = s->gates + row * s->gates_stride + unit;
    kept[0] = (float)z;
    kept[s->hidden] = (float)r;
    kept[2 * s->hidden] = (float)n;
    if (resets_after(s)) kept[3 * s->hidden] = (float)from_state(s, h_prev, candidate, unit);
}

void ferry_oracle_gru_step(const ferry_step *s) {
    for (size_t row = 0; row < s->rows; row++) {
        const float *h_prev = s->h_prev + row * s->h_prev_stride;
        for (size_t unit = 0; unit < s->hidden && !resets_after(s); unit++) {
            double r = gate_value(s, row, reset, unit);
            s->scratch[row * s->hidden + unit] = (float)(r * h_prev[unit]);
        }
        for (size_t unit = 0; unit < s->hidden; unit++) finish_unit(s, row, unit);
    }
}
