/* tests/unit/test_frame_cursor.c - players, scrubs and farms as tables of what is fetched ahead. */
/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "fs/fuse/frame_cursor.h"

#define MOST 8
#define FRAMES 2000

struct step {
    int64_t frame;
    int64_t first, stride;
    unsigned count;
};

static void follow(const struct step *steps, size_t n)
{
    struct frame_cursors fc = {0};
    for (size_t i = 0; i < n; i++) {
        struct frame_plan p;
        frame_cursors_next(&fc, steps[i].frame, MOST, &p);
        if (p.count != steps[i].count ||
            (p.count > 0 && (p.first != steps[i].first || p.stride != steps[i].stride)))
            fail_msg("frame %jd: %u from %jd by %jd", (intmax_t)steps[i].frame, p.count,
                     (intmax_t)p.first, (intmax_t)p.stride);
    }
}

static void forwards(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {1001, 0, 0, 0},    {1002, 1003, 1, 1}, {1003, 1004, 1, 2}, {1004, 1006, 1, 3},
        {1005, 1009, 1, 5}, {1006, 1014, 1, 1}, {1007, 1015, 1, 1}, {1007, 0, 0, 0},
        {1005, 0, 0, 0}, /* another program follows the first: nothing is told again */
        {1006, 0, 0, 0},    {1008, 1016, 1, 1},
    };
    follow(steps, COUNT(steps));
}

static void backwards_to_the_first(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {9, 0, 0, 0},  {8, 7, -1, 1}, {7, 6, -1, 2}, {6, 4, -1, 3},
        {5, 1, -1, 2}, {4, 0, 0, 0},  {3, 0, 0, 0},  {0, 0, 0, 0},
    };
    follow(steps, COUNT(steps));
}

static void by_stride(void **state)
{
    (void)state;
    static const struct step twos[] = {{10, 0, 0, 0}, {12, 14, 2, 1}, {14, 16, 2, 2}};
    follow(twos, COUNT(twos));
    /* A longer one takes a third frame to be believed. */
    static const struct step fives[] = {
        {10, 0, 0, 0}, {15, 0, 0, 0}, {20, 25, 5, 1}, {25, 30, 5, 2}};
    follow(fives, COUNT(fives));
    static const struct step hundreds[] = {
        {100, 0, 0, 0}, {200, 0, 0, 0}, {300, 400, 100, 1}, {400, 500, 100, 2}};
    follow(hundreds, COUNT(hundreds));
    /* Played at half speed, then at twice: the old stride is left once the new one is proved. */
    struct frame_cursors fc = {0};
    struct frame_plan p;
    int64_t stride = 0;
    for (int64_t i = 0; i < 5; i++)
        frame_cursors_next(&fc, 100 + i, MOST, &p);
    for (int64_t i = 0; i < 12; i++) {
        frame_cursors_next(&fc, 106 + 2 * i, MOST, &p);
        stride = p.stride;
    }
    assert_int_equal(stride, 2);
}

static void a_jump_keeps_the_old_way(void **state)
{
    (void)state;
    static const struct step steps[] = {
        {1001, 0, 0, 0},    {1002, 1003, 1, 1}, {1003, 1004, 1, 2}, {1500, 0, 0, 0},
        {1501, 1502, 1, 1}, {1004, 1006, 1, 3}, {1502, 1503, 1, 2},
    };
    follow(steps, COUNT(steps));
}

static void frames_anywhere_fetch_nothing(void **state)
{
    (void)state;
    struct frame_cursors fc = {0};
    unsigned seed = 5, told = 0;
    for (int i = 0; i < 500; i++) {
        struct frame_plan p;
        frame_cursors_next(&fc, (int64_t)rand_r(&seed) * 1009 % 1000000, MOST, &p);
        told += p.count;
    }
    print_message("%u of 500\n", told);
    assert_true(told <= 10);
    /* Nor do numbers at the ends of what a name can hold. */
    static const int64_t far[] = {0, 999999999999999999, 0, 999999999999999998, 499999999999999999,
                                  1, 999999999999999997};
    for (size_t i = 0; i < COUNT(far); i++) {
        struct frame_plan p;
        frame_cursors_next(&fc, far[i], 64, &p);
        assert_true(p.count <= 64 && (p.count == 0 || p.first >= 0));
    }
}

static void what_was_refused_is_told_again(void **state)
{
    (void)state;
    struct frame_cursors fc = {0};
    struct frame_plan p;
    for (int64_t i = 1; i <= 4; i++)
        frame_cursors_next(&fc, i, MOST, &p);
    assert_true(p.first == 6 && p.count == 3);
    frame_cursors_refused(&fc, &p, 1);
    frame_cursors_next(&fc, 5, MOST, &p);
    assert_true(p.first == 7 && p.count == 7);
    frame_cursors_refused(&fc, &p, 0);
    frame_cursors_next(&fc, 6, MOST, &p);
    assert_true(p.first == 7 && p.count == 8);
}

/* Programs that share a sequence, one frame at a time each, overtaking each other at random.
 * Answers how many frames were told before they were read, and counts those told twice or not
 * there. */
enum sharing { TURNS, OWN_STRIDE, CHUNKS };

struct farm {
    unsigned programs;
    enum sharing sharing;
    int64_t at[32];
    int64_t next;
};

static int64_t next_of(struct farm *f, unsigned i, int64_t frames)
{
    int64_t chunk = frames / f->programs, n = f->at[i]++;
    if (f->sharing == TURNS)
        return f->next < frames ? f->next++ : -1;
    if (f->sharing == OWN_STRIDE)
        return n * f->programs + i < frames ? n * f->programs + i : -1;
    return n < chunk ? i * chunk + n : -1;
}

static unsigned foreseen(unsigned programs, enum sharing sharing, unsigned *ret_needless)
{
    struct farm farm = {.programs = programs, .sharing = sharing};
    struct frame_cursors fc = {0};
    unsigned char told[2 * FRAMES] = {0};
    unsigned lead[32] = {0}, seed = 7, n = 0;
    *ret_needless = 0;
    for (unsigned read = 0; read < FRAMES / programs * programs;) {
        struct frame_plan p;
        unsigned i = (unsigned)rand_r(&seed) % programs, least = lead[0];
        for (unsigned k = 1; k < programs; k++)
            least = lead[k] < least ? lead[k] : least;
        if (lead[i] > least + 2) /* all are about as fast */
            continue;
        lead[i]++;
        int64_t frame = next_of(&farm, i, FRAMES);
        if (frame < 0)
            continue;
        read++;
        n += told[frame] > 0;
        frame_cursors_next(&fc, frame, MOST, &p);
        for (int64_t k = 0; k < (int64_t)p.count; k++) {
            int64_t of = p.first + k * p.stride;
            assert_true(of >= 0 && of < 2 * FRAMES);
            *ret_needless += told[of]++ > 0 || of >= FRAMES;
        }
    }
    return n;
}

static void programs_share_a_sequence(void **state)
{
    (void)state;
    static const char *const names[] = {"turns", "own stride", "chunks"};
    static const unsigned programs[] = {1, 2, 8, 16};
    for (size_t i = 0; i < COUNT(programs); i++)
        for (enum sharing s = TURNS; s <= CHUNKS; s++) {
            unsigned needless, n = foreseen(programs[i], s, &needless);
            print_message("%2u programs, %-10s: %u of %u foreseen, %u needless\n", programs[i],
                          names[s], n, (unsigned)FRAMES, needless);
            /* Many strides that overtake each other look like one way, or like none. */
            assert_true(n >= (s == OWN_STRIDE ? FRAMES / 2 : FRAMES * 9 / 10));
            assert_true(needless <= FRAMES / 4);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forwards),
        cmocka_unit_test(backwards_to_the_first),
        cmocka_unit_test(by_stride),
        cmocka_unit_test(a_jump_keeps_the_old_way),
        cmocka_unit_test(frames_anywhere_fetch_nothing),
        cmocka_unit_test(what_was_refused_is_told_again),
        cmocka_unit_test(programs_share_a_sequence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
