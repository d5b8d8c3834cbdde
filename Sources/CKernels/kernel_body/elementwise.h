// Elementwise helpers and reductions.

static void add(const float *a, const float *b, float *y, size_t n) FERRY_REALTIME {
    size_t i = 0;
    for (; i + FERRY_WIDTH <= n; i += FERRY_WIDTH) store(y + i, load(a + i) + load(b + i));
    for (; i < n; i++) y[i] = a[i] + b[i];
}

static void multiply(const float *a, const float *b, float *y, size_t n) FERRY_REALTIME {
    size_t i = 0;
    for (; i + FERRY_WIDTH <= n; i += FERRY_WIDTH) store(y + i, load(a + i) * load(b + i));
    for (; i < n; i++) y[i] = a[i] * b[i];
}

static void add_scaled(float scale, const float *a, float *y, size_t n) FERRY_REALTIME {
    for (size_t i = 0; i < n; i += FERRY_WIDTH) {
        size_t lanes = smaller(n - i, FERRY_WIDTH);
        vector sum = multiply_add(splat(scale), load_lanes(a + i, lanes), load_lanes(y + i, lanes));
        store_lanes(y + i, sum, lanes);
    }
}

static void scale(float scale, const float *a, float *y, size_t n) FERRY_REALTIME {
    size_t i = 0;
    for (; i + FERRY_WIDTH <= n; i += FERRY_WIDTH) store(y + i, scale * load(a + i));
    for (; i < n; i++) y[i] = scale * a[i];
}

static void add_row(const float *row, float *y, size_t rows, size_t columns, size_t y_stride) FERRY_REALTIME {
    for (size_t r = 0; r < rows; r++) add(y + r * y_stride, row, y + r * y_stride, columns);
}

FERRY_INLINE float sum_of_lanes(vector x) {
    float lanes[FERRY_WIDTH];
    store(lanes, x);
    for (int half = FERRY_WIDTH / 2; half > 0; half /= 2) {
        for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
    }
    return lanes[0];
}

static float sum(const float *a, size_t n) FERRY_REALTIME {
    vector sums[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 * FERRY_WIDTH <= n; i += 4 * FERRY_WIDTH) {
        for (int s = 0; s < 4; s++) sums[s] += load(a + i + s * FERRY_WIDTH);
    }
    for (; i < n; i += FERRY_WIDTH) sums[0] += load_lanes(a + i, smaller(n - i, FERRY_WIDTH));
    return sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

static float dot(const float *a, const float *b, size_t n) FERRY_REALTIME {
    vector sums[4] = {0, 0, 0, 0};
    size_t i = 0;
    for (; i + 4 * FERRY_WIDTH <= n; i += 4 * FERRY_WIDTH) {
        for (int s = 0; s < 4; s++) {
            size_t at = i + (size_t)s * FERRY_WIDTH;
            sums[s] = multiply_add(load(a + at), load(b + at), sums[s]);
        }
    }
    for (; i < n; i += FERRY_WIDTH) {
        size_t lanes = smaller(n - i, FERRY_WIDTH);
        sums[0] = multiply_add(load_lanes(a + i, lanes), load_lanes(b + i, lanes), sums[0]);
    }
    return sum_of_lanes((sums[0] + sums[1]) + (sums[2] + sums[3]));
}

// Keeps the larger, and NaN once met: `best` stays unless x is larger or is itself NaN.
static float maximum(const float *a, size_t n) FERRY_REALTIME {
    vector best = splat(-__builtin_inff());
    size_t i = 0;
    for (; i + FERRY_WIDTH <= n; i += FERRY_WIDTH) {
        vector x = load(a + i);
        best = x <= best ? best : best != best ? best : x;
    }
    float lanes[FERRY_WIDTH], result = -__builtin_inff();
    store(lanes, best);
    for (int lane = 0; lane < FERRY_WIDTH; lane++) {
        if (!(lanes[lane] <= result) && result == result) result = lanes[lane];
    }
    for (; i < n; i++) {
        if (!(a[i] <= result) && result == result) result = a[i];
    }
    return result;
}
