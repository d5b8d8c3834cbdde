// One step of a simple recurrent layer, unit by unit. Equation: ferry_recurrent.h.
#include "oracle_recurrent.h"

static void step_unit(const ferry_step *s, size_t row, size_t unit) {
    const float *h_prev = s->h_prev + row * s->h_prev_stride;
    double sum = oracle_input(s, row, s->hidden, unit) + oracle_product(h_prev, s->weights, s->hidden, unit);
    double h = ferry_oracle_activation(s->activation, oracle_clip(sum, s->clip));
    s->h[row * s->h_stride + unit] = (float)h;
}

void ferry_oracle_rnn_step(const ferry_step *s) {
    for (size_t row = 0; row < s->rows; row++) {
        for (size_t unit = 0; unit < s->hidden; unit++) step_unit(s, row, unit);
    }
}

void ferry_oracle_step(const ferry_step *s) {
    switch (s->cell) {
    case FERRY_CELL_LSTM: ferry_oracle_lstm_step(s); return;
    case FERRY_CELL_SIMPLE: ferry_oracle_rnn_step(s); return;
    default: ferry_oracle_gru_step(s);
    }
}
