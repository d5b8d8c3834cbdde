// One LSTM step, unit by unit. Equations: ferry_recurrent.h.
#include "oracle_recurrent.h"

static double pre_activation(const ferry_step *s, size_t row, size_t gate, size_t unit) {
    size_t column = gate * s->hidden + unit, columns = 4 * s->hidden;
    const float *h_prev = s->h_prev + row * s->h_prev_stride;
    return oracle_input(s, row, columns, column) + oracle_product(h_prev, s->weights, columns, column);
}

static double gate_value(const ferry_step *s, size_t row, size_t gate, size_t unit,
                         size_t peephole, double cell) {
    double x = pre_activation(s, row, gate, unit);
    if (s->peepholes) x += s->peepholes[peephole * s->hidden + unit] * cell;
    return ferry_oracle_activation(s->recurrent_activation, oracle_clip(x, s->clip));
}

static void step_unit(const ferry_step *s, size_t row, size_t unit) {
    double c_prev = s->c_prev[row * s->c_prev_stride + unit];
    double i = gate_value(s, row, 0, unit, 0, c_prev);
    double f = s->input_forget ? 1 - i : gate_value(s, row, 1, unit, 1, c_prev);
    double g = pre_activation(s, row, 2, unit);
    g = ferry_oracle_activation(s->activation, oracle_clip(g, s->clip));
    double c = f * c_prev + i * g;
    double o = gate_value(s, row, 3, unit, 2, c);
    s->c[row * s->c_stride + unit] = (float)c;
    s->h[row * s->h_stride + unit] = (float)(o * ferry_oracle_activation(s->cell_activation, c));
    if (s->gates == NULL) return;
    float *kept = s->gates + row * s->gates_stride + unit;
    kept[0] = (float)i;
    kept[s->hidden] = (float)f;
    kept[2 * s->hidden] = (float)g;
    kept[3 * s->hidden] = (float)o;
}

void ferry_oracle_lstm_step(const ferry_step *s) {
    for (size_t row = 0; row < s->rows; row++) {
        for (size_t unit = 0; unit < s->hidden; unit++) step_unit(s, row, unit);
    }
}
