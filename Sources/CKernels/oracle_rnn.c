// One step of a simple recurrent layer, unit by unit. Equation: ferry_recurrent.h.
#include "oracle_recurrent.h"

static void step_unit(const ferry_rnn_step *s, size_t row, size_t unit) {
    double sum = s->x_projection[row * s->x_projection_stride + unit];
    if (s->inputs) {
        const float *input = s->input + row * s->input_stride;
        sum += oracle_product(input, s->inputs, s->packed_input, s->hidden, unit);
    }
    const float *h_prev = s->h_prev + row * s->h_prev_stride;
    sum += oracle_product(h_prev, s->hidden, s->packed_recurrent, s->hidden, unit);
    double h = ferry_oracle_activation(s->activation, oracle_clip(sum, s->clip));
    s->h[row * s->h_stride + unit] = (float)h;
}

void ferry_oracle_rnn_step(const ferry_rnn_step *s) {
    for (size_t row = 0; row < s->rows; row++) {
        for (size_t unit = 0; unit < s->hidden; unit++) step_unit(s, row, unit);
    }
}
