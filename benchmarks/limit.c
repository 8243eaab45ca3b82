/* What the two-player market costs in plain scalar C: the speed that the JAX environment is held against.
 *
 * Same rules as docs/rules.md (two players, defaults, uniformly random valid actions, auto-reset, both observations written out),
 * one game after another, one thread a core, a small counter generator. No vector tricks: what a good C programmer
 * writes in an afternoon. Build and run:
 *   gcc -O3 -march=native -ffast-math -fopenmp limit.c -lm -o limit && ./limit GAMES SECONDS
 * Prints: million rounds per second (one round = both players act), and the mean P&L per round and player as a check
 * (random valid play under the defaults).
 */
#include <math.h>
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { RANKS = 13, EVENTS = 161, OBS = 57, T = 10 };
static const float W0 = 500, SIGMA_Q = .5f, S0 = .8f, BETA = .25f, SP_MIN = 1, SP_MAX = 3, KAPPA = 47.59f, TAU = .6f,
                   L_MIN = 2, L_MAX = 20, L_CAP = 10, ALPHA = .3f, PERSIST = .7f, REMAP = .015f;
static float value[EVENTS][RANKS], total[EVENTS], square[EVENTS], s_max[EVENTS];
static int rank_of[EVENTS][RANKS], cards[EVENTS];

typedef struct { uint64_t s; } Rng;
typedef struct {
    int event, hints, rank[3], round, last[2];
    float S, mu, sigma, bid, ask, depth_bid, depth_ask, wealth[2], slip[2], fill[2];
} Game;

static inline uint32_t bits(Rng *g) {
    uint64_t o = g->s;
    g->s = o * 6364136223846793005ULL + 1442695040888963407ULL;
    uint32_t x = ((o >> 18) ^ o) >> 27, r = o >> 59;
    return (x >> r) | (x << ((-r) & 31));
}
static inline float uniform(Rng *g) { return (bits(g) >> 8) * (1.f / 16777216) + .5f / 16777216; }
static inline uint32_t below(Rng *g, uint32_t n) { return ((uint64_t)bits(g) * n) >> 32; }
static inline void normals(Rng *g, float *a, float *b) {
    float m = sqrtf(-2 * logf(uniform(g))), t = 6.2831853f * uniform(g);
    *a = m * cosf(t);
    *b = m * sinf(t);
}
static inline float clip(float x, float lo, float hi) { return x < lo ? lo : x > hi ? hi : x; }

static void tables(void) {
    for (int e = 0; e < EVENTS; e++) {
        int x = -1, y = -1, n = 0;
        if (e >= 5) { x = (e - 5) / 12; y = (e - 5) % 12; y += y >= x; }
        for (int i = 0; i < RANKS; i++) {
            int r = i + 2, in = e == 0 || e >= 5 || (e == 1 && r >= 10) || (e == 2 && r <= 7) || (e == 3 && r % 2 == 0) || (e == 4 && r % 2);
            float v = value[e][i] = i == x ? y + 2 : r;
            if (!in) continue;
            rank_of[e][n++] = i;
            total[e] += 4 * v;
            square[e] += 4 * v * v;
            if (3 * v > s_max[e]) s_max[e] = 3 * v;
        }
        cards[e] = 4 * n;
    }
}

static void deal(Game *s, Rng *g, int first) {
    if (first || uniform(g) >= PERSIST) {
        float u = uniform(g);
        s->event = (u > .6f) + (u > .7f) + (u > .8f) + (u > .9f);
        if (uniform(g) < REMAP) s->event = 5 + below(g, 156);
    }
    int e = s->event, n = cards[e], a = below(g, n), b = below(g, n - 1), c = below(g, n - 2);
    b += b >= a;
    int lo = a < b ? a : b, hi = a < b ? b : a;
    c += c >= lo;
    c += c >= hi;
    s->rank[0] = rank_of[e][a >> 2]; s->rank[1] = rank_of[e][b >> 2]; s->rank[2] = rank_of[e][c >> 2];
    s->hints = bits(g) >> 30;
    float k = 0, k2 = 0, S = 0;
    for (int i = 0; i < 3; i++) {
        float v = value[e][s->rank[i]];
        S += v;
        if (i < s->hints) { k += v; k2 += v * v; }
    }
    float m = 3 - s->hints, left = n - s->hints, mean = (total[e] - k) / left, var = (square[e] - k2) / left - mean * mean;
    float q = m * var * (left - m) / (left - 1);
    s->S = S; s->mu = k + m * mean; s->sigma = m > 0 && q > 0 ? sqrtf(q) : 0;
    float spread = clip(S0 + BETA * s->sigma, SP_MIN, SP_MAX), z1, z2, z3, z4;
    normals(g, &z1, &z2);
    normals(g, &z3, &z4);
    float mid = s->mu + SIGMA_Q * z1, L = KAPPA / (fmaxf(s->sigma, 1e-6f) * (spread + 1e-8f)) * expf(-.5f * TAU * TAU);
    s->bid = mid - spread / 2; s->ask = mid + spread / 2;
    s->depth_bid = clip(L * expf(TAU * z2), L_MIN, L_MAX);
    s->depth_ask = clip(L * expf(TAU * z3), L_MIN, L_MAX);
}

static void restart(Game *s, Rng *g) {
    s->round = 0;
    for (int p = 0; p < 2; p++) { s->wealth[p] = W0; s->last[p] = 0; s->slip[p] = 0; s->fill[p] = 1; }
    deal(s, g, 1);
}

static void observe(const Game *s, float *o) {
    memset(o, 0, 2 * OBS * sizeof *o);
    for (int p = 0; p < 2; p++, o += OBS) {
        int e = s->event, l = s->last[1 - p];
        o[0] = s->bid; o[1] = s->ask; o[2] = (s->bid + s->ask) / 2; o[3] = s->ask - s->bid;
        o[4] = fminf(s->depth_bid, L_CAP); o[5] = fminf(s->depth_ask, L_CAP); o[6] = s->slip[p]; o[7] = s->fill[p];
        o[8 + (e < 5 ? e : 5)] = 1;
        if (e >= 5) { int x = (e - 5) / 12, y = (e - 5) % 12; y += y >= x; o[14 + x] = 1; o[27 + y] = 1; }
        for (int i = 0; i < s->hints; i++) o[40 + s->rank[i]] += 1;
        o[53] = s->wealth[p] / W0; o[54] = s->round / (float)T;
        o[55] = l == 0 ? 0 : l <= 10 ? 1 : -1; o[56] = l <= 10 ? l : l - 10;
    }
}

static inline int valid(float unit, float wealth) { /* largest i in 0..10 with i * unit <= wealth */
    if (unit <= 0) return 10;
    int i = 0;
    while (i < 10 && (i + 1) * unit <= wealth) i++;
    return i;
}

static float play(Game *s, Rng *g) {
    int act[2]; float buy = 0, sell = 0, sum = 0;
    for (int p = 0; p < 2; p++) {
        int mb = valid(s->ask, s->wealth[p]), ms = valid(s_max[s->event] - s->bid, s->wealth[p]), z = below(g, 1 + mb + ms);
        act[p] = z <= mb ? z : z - mb + 10;
        if (act[p] <= 10) buy += act[p]; else sell += act[p] - 10;
    }
    float up = ALPHA * fmaxf(0, buy - s->depth_ask), down = ALPHA * fmaxf(0, sell - s->depth_bid);
    for (int p = 0; p < 2; p++) {
        int a = act[p]; float r = 0;
        s->slip[p] = 0; s->fill[p] = 1;
        if (a > 10) { r = (a - 10) * (s->bid - down - s->S); s->slip[p] = down; s->fill[p] = fminf(1, s->depth_bid / sell); }
        else if (a) { r = a * (s->S - s->ask - up); s->slip[p] = up; s->fill[p] = fminf(1, s->depth_ask / buy); }
        s->wealth[p] += r; s->last[p] = a; sum += r;
    }
    if (++s->round == T) restart(s, g); else deal(s, g, 0);
    return sum;
}

int main(int n, char **arg) {
    int games = n > 1 ? atoi(arg[1]) : 16384; double seconds = n > 2 ? atof(arg[2]) : 2, rounds = 0, pnl = 0, t0;
    tables();
    Game *s = calloc(games, sizeof *s); Rng *g = calloc(games, sizeof *g); float *o = malloc((size_t)games * 2 * OBS * sizeof *o);
    for (int i = 0; i < games; i++) { g[i].s = i * 7919ULL + 13; for (int k = 0; k < 4; k++) bits(g + i); restart(s + i, g + i); }
    t0 = omp_get_wtime();
    while (omp_get_wtime() - t0 < seconds) {
        double sum = 0;
#pragma omp parallel for reduction(+ : sum) schedule(static)
        for (int i = 0; i < games; i++) for (int k = 0; k < 10; k++) { sum += play(s + i, g + i); observe(s + i, o + (size_t)i * 2 * OBS); }
        rounds += 10.0 * games; pnl += sum;
    }
    double t = omp_get_wtime() - t0;
    printf("%.4f M rounds/s on %d threads, mean pnl per round and player %.3f\n", rounds / t / 1e6, omp_get_max_threads(), pnl / rounds / 2);
}
