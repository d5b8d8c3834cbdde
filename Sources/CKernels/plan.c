// The calls of a plan.
#include <string.h>

#include "include/ferry_plan.h"

int32_t ferry_run_calls(const ferry_call *calls, size_t count) FERRY_REALTIME {
    int32_t status = 0;
    for (size_t i = 0; i < count && status == 0; i++) status = calls[i].run(calls[i].arguments);
    return status;
}

int32_t ferry_call_sequence(const void *arguments) FERRY_REALTIME {
    ferry_sequence_run(arguments);
    return 0;
}

int32_t ferry_call_product(const void *arguments) FERRY_REALTIME {
    const ferry_product *p = arguments;
    for (size_t i = 0; i < p->repeats; i++) {
        float *c = p->c + i * p->c_repeat_stride;
        const float *a = p->a + i * p->a_repeat_stride;
        if (p->b.format == FERRY_WEIGHTS_FLOAT32) {
            p->table->gemm(p->rows, p->columns, p->b.depth, a, p->a_row_stride, 1, p->b.panels, c, p->c_row_stride,
                           p->bias, 0);
        } else {
            p->table->product(p->rows, p->columns, a, p->a_row_stride, &p->b, c, p->c_row_stride, p->bias, p->space);
        }
        for (size_t row = 0; row < p->rows && p->activation.kind != FERRY_ACTIVATION_LINEAR; row++) {
            p->table->activate(p->activation, c + row * p->c_row_stride, c + row * p->c_row_stride, p->columns);
        }
    }
    return 0;
}

int32_t ferry_call_map(const void *arguments) FERRY_REALTIME {
    const ferry_map *m = arguments;
    m->table->activate(m->activation, m->x, m->y, m->count);
    return 0;
}

int32_t ferry_call_pick(const void *arguments) FERRY_REALTIME {
    const ferry_pick *p = arguments;
    for (size_t i = 0; i < p->count; i++) p->y[i] = p->source[i] < 0 ? 0 : p->x[p->source[i]];
    return 0;
}

int32_t ferry_call_copy(const void *arguments) FERRY_REALTIME {
    const ferry_copy *c = arguments;
    memcpy(c->y, c->x, c->bytes);
    return 0;
}

int32_t ferry_call_clear(const void *arguments) FERRY_REALTIME {
    const ferry_clear *c = arguments;
    memset(c->y, 0, c->count * sizeof(float));
    return 0;
}

static int64_t id_at(const ferry_gather *g, size_t i) {
    if (g->id_format == 8) return ((const int64_t *)g->ids)[i];
    if (g->id_format == 4) return ((const int32_t *)g->ids)[i];
    float id = ((const float *)g->ids)[i];
    return id > -1e9f && id < 1e9f ? (int64_t)id : -1;
}

int32_t ferry_call_gather(const void *arguments) FERRY_REALTIME {
    const ferry_gather *g = arguments;
    for (size_t i = 0; i < g->count; i++) {
        int64_t id = id_at(g, i);
        if (id < 0 || (uint64_t)id >= g->row_count) return 1;
        memcpy(g->y + i * g->width, g->rows + (size_t)id * g->width, g->width * sizeof(float));
        if (g->mask) g->mask[i] = id != 0;
    }
    return 0;
}

int32_t ferry_call_masking(const void *arguments) FERRY_REALTIME {
    const ferry_masking *m = arguments;
    for (size_t row = 0; row < m->rows; row++) {
        const float *x = m->x + row * m->width;
        int differs = 0;
        for (size_t i = 0; i < m->width; i++) differs |= x[i] != m->value;
        m->mask[row] = (uint8_t)differs;
        for (size_t i = 0; i < m->width; i++) m->y[row * m->width + i] = differs ? x[i] : 0.0f;
    }
    return 0;
}

int32_t ferry_call_scaling(const void *arguments) FERRY_REALTIME {
    const ferry_scaling *s = arguments;
    for (size_t row = 0; row < s->rows; row++) {
        const float *x = s->x + row * s->width;
        float *y = s->y + row * s->width;
        for (size_t i = 0; i < s->width; i++) y[i] = x[i] * s->scale[i] + s->offset[i];
    }
    return 0;
}

int32_t ferry_call_softmax(const void *arguments) FERRY_REALTIME {
    const ferry_softmax *s = arguments;
    const ferry_activation exponential = {.kind = FERRY_ACTIVATION_EXPONENTIAL};
    for (size_t row = 0; row < s->rows; row++) {
        const float *x = s->x + row * s->width;
        float *y = s->y + row * s->width, highest = s->table->maximum(x, s->width);
        for (size_t i = 0; i < s->width; i++) y[i] = x[i] - highest;
        s->table->activate(exponential, y, y, s->width);
        s->table->scale(1.0f / s->table->sum(y, s->width), y, y, s->width);
    }
    return 0;
}

int32_t ferry_call_normalization(const void *arguments) FERRY_REALTIME {
    const ferry_normalization *n = arguments;
    for (size_t row = 0; row < n->rows; row++) {
        const float *x = n->x + row * n->width;
        float *y = n->y + row * n->width, mean = 0, variance = 0;
        for (size_t i = 0; i < n->width; i++) mean += x[i];
        mean /= (float)n->width;
        for (size_t i = 0; i < n->width; i++) variance += (x[i] - mean) * (x[i] - mean);
        const float factor = 1.0f / __builtin_sqrtf(variance / (float)n->width + n->epsilon);
        for (size_t i = 0; i < n->width; i++) {
            y[i] = (x[i] - mean) * factor * (n->scale ? n->scale[i] : 1.0f) + (n->offset ? n->offset[i] : 0.0f);
        }
    }
    return 0;
}

int32_t ferry_call_pair(const void *arguments) FERRY_REALTIME {
    const ferry_pair *p = arguments;
    const float *a = p->a, *b = p->b;
    float *y = p->y;
    switch (p->pairing) {
    case FERRY_PAIRING_ADD: p->table->add(a, b, y, p->count); break;
    case FERRY_PAIRING_MULTIPLY: p->table->multiply(a, b, y, p->count); break;
    case FERRY_PAIRING_SUBTRACT:
        for (size_t i = 0; i < p->count; i++) y[i] = a[i] - b[i];
        break;
    case FERRY_PAIRING_MAXIMUM:
        for (size_t i = 0; i < p->count; i++) y[i] = b[i] >= a[i] ? b[i] : a[i];
        break;
    default:
        for (size_t i = 0; i < p->count; i++) y[i] = b[i] < a[i] ? b[i] : a[i];
    }
    if (p->factor != 1.0f) p->table->scale(p->factor, y, y, p->count);
    return 0;
}

// The steps [from, to) that the window shows, one after another.
static void pool_window(const ferry_pooling *p, size_t row, size_t from, size_t to, float *y) {
    size_t count = 0;
    for (size_t i = 0; i < p->width; i++) y[i] = p->averages ? 0.0f : -__builtin_inff();
    for (size_t step = from; step < to; step++) {
        if (p->mask && !p->mask[row * p->steps + step]) continue;
        const float *x = p->x + (row * p->steps + step) * p->width;
        count++;
        for (size_t i = 0; i < p->width; i++) y[i] = p->averages ? y[i] + x[i] : x[i] >= y[i] ? x[i] : y[i];
    }
    for (size_t i = 0; i < p->width && p->averages; i++) y[i] /= (float)count;
}

int32_t ferry_call_pooling(const void *arguments) FERRY_REALTIME {
    const ferry_pooling *p = arguments;
    for (size_t i = 0; i < p->rows * p->windows; i++) {
        const size_t begin = i % p->windows * p->stride, end = begin + p->size;
        const size_t from = begin > p->before ? begin - p->before : 0;
        const size_t to = end > p->before ? end - p->before : 0;
        pool_window(p, i / p->windows, from, to < p->steps ? to : p->steps, p->y + i * p->width);
    }
    return 0;
}
