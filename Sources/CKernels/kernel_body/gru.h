// One GRU step. Equations and gate order are in ferry_recurrent.h.

#include "gru_reset_after.h"
#include "gru_reset_before.h"

static void gru_step(const ferry_gru_step *s) {
    if (s->reset_after) gru_after_step(s);
    else gru_before_step(s);
}
