// The output of a simple recurrent layer. The equation is in ferry_recurrent.h.

static void rnn_finish(const ferry_step *s, const step_tile *t) FERRY_REALTIME {
    for (size_t i = 0; i < t->rows; i++) {
        for (size_t block = 0; block < t->blocks; block++) {
            vector sum = load(t->sums + i * t->sums_stride + block * FERRY_WIDTH);
            size_t unit = t->unit + block * FERRY_WIDTH;
            float *h = s->h + i * s->h_stride + unit;
            store_lanes(h, activated(clipped(sum, s->clip), &s->activation), lanes_at(unit, s->hidden));
        }
    }
}

static void rnn_step(const ferry_step *s) {
    const step_pass pass = {.run = {0, 1}, .starts_from_input = 1, .finish = rnn_finish};
    const step_space space = space_of(s);
    run_step_pass(s, &pass, &space, s->h_prev, s->h_prev_stride);
}

static void cell_step(const ferry_step *s) FERRY_REALTIME {
    switch (s->cell) {
    case FERRY_CELL_LSTM: lstm_step(s); return;
    case FERRY_CELL_GRU_RESET_AFTER: gru_after_step(s); return;
    case FERRY_CELL_GRU_RESET_BEFORE: gru_before_step(s); return;
    default: rnn_step(s);
    }
}
