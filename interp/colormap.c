/* interp/colormap.c — matplotlib's colour maps: four are tables, the others are piecewise linear in each channel. */
#include "interp/colormap.h"

#include <string.h>

#include "interp/colormap_table.h"
#include "interp/format.h"
#include "interp/str.h"

/* A channel's course: y at x, linear in between; x runs from 0 to 1. */
typedef struct Knot { double x, y; } Knot;
enum { MAX_KNOTS = 10 };
typedef struct Course { int count; Knot knot[MAX_KNOTS]; } Course;

typedef struct ColorMap {
    const char *name;
    const uint8_t (*table)[3];          /* NULL: the courses of red, green, blue */
    Course rgb[3];
} ColorMap;

#define UP        { 2, { { 0, 0 }, { 1, 1 } } }
#define DOWN      { 2, { { 0, 1 }, { 1, 0 } } }
#define FLAT(y)   { 2, { { 0, y }, { 1, y } } }
#define LINE(a, b) { 2, { { 0, a }, { 1, b } } }

static const ColorMap maps[] = {
    { "viridis", viridis_table }, { "magma", magma_table }, { "inferno", inferno_table }, { "plasma", plasma_table },
    { "gray", NULL, { UP, UP, UP } },
    { "grey", NULL, { UP, UP, UP } },
    { "gist_gray", NULL, { UP, UP, UP } },
    { "gist_grey", NULL, { UP, UP, UP } },
    { "binary", NULL, { DOWN, DOWN, DOWN } },
    { "autumn", NULL, { FLAT(1), UP, FLAT(0) } },
    { "spring", NULL, { FLAT(1), UP, DOWN } },
    { "summer", NULL, { UP, LINE(0.5, 1), FLAT(0.4) } },
    { "winter", NULL, { FLAT(0), UP, LINE(1, 0.5) } },
    { "cool", NULL, { UP, DOWN, FLAT(1) } },
    { "copper", NULL, { { 3, { { 0, 0 }, { 0.809524, 1 }, { 1, 1 } } }, LINE(0, 0.7812), LINE(0, 0.4975) } },
    { "bone", NULL, {
        { 3, { { 0, 0 }, { 0.746032, 0.652778 }, { 1, 1 } } },
        { 4, { { 0, 0 }, { 0.365079, 0.319444 }, { 0.746032, 0.777778 }, { 1, 1 } } },
        { 3, { { 0, 0 }, { 0.365079, 0.444444 }, { 1, 1 } } } } },
    { "hot", NULL, {
        { 3, { { 0, 0.0416 }, { 0.365079, 1 }, { 1, 1 } } },
        { 4, { { 0, 0 }, { 0.365079, 0 }, { 0.746032, 1 }, { 1, 1 } } },
        { 3, { { 0, 0 }, { 0.746032, 0 }, { 1, 1 } } } } },
    { "hsv", NULL, {
        { 10, { { 0, 1 }, { 0.158730, 1 }, { 0.174603, 0.968750 }, { 0.333333, 0.031250 }, { 0.349206, 0 }, { 0.666667, 0 },
                { 0.682540, 0.031250 }, { 0.841270, 0.968750 }, { 0.857143, 1 }, { 1, 1 } } },
        { 7, { { 0, 0 }, { 0.158730, 0.937500 }, { 0.174603, 1 }, { 0.507937, 1 }, { 0.666667, 0.062500 }, { 0.682540, 0 }, { 1, 0 } } },
        { 7, { { 0, 0 }, { 0.333333, 0 }, { 0.349206, 0.062500 }, { 0.507937, 1 }, { 0.841270, 1 }, { 0.857143, 0.937500 },
               { 1, 0.09375 } } } } },
    { "jet", NULL, {
        { 5, { { 0, 0 }, { 0.35, 0 }, { 0.66, 1 }, { 0.89, 1 }, { 1, 0.5 } } },
        { 6, { { 0, 0 }, { 0.125, 0 }, { 0.375, 1 }, { 0.640, 1 }, { 0.910, 0 }, { 1, 0 } } },
        { 5, { { 0, 0.5 }, { 0.11, 1 }, { 0.34, 1 }, { 0.65, 0 }, { 1, 0 } } } } },
};

/* One channel's bytes, by the arithmetic of matplotlib's lookup tables. */
static void fill_channel(const Course *course, bool reversed, int channel, ColorTable out)
{
    double x[MAX_KNOTS], y[MAX_KNOTS], step = 1.0 / (COLORMAP_SIZE - 1);
    int n = course->count, at = 0;
    for (int k = 0; k < n; k++) {
        Knot knot = course->knot[reversed ? n - 1 - k : k];
        x[k] = (reversed ? 1.0 - knot.x : knot.x) * (COLORMAP_SIZE - 1);
        y[k] = knot.y;
    }
    for (int i = 0; i < COLORMAP_SIZE; i++) {
        double place = (COLORMAP_SIZE - 1) * (i * step), value;
        while (at < n - 1 && x[at] < place)     /* the first knot not before it */
            at++;
        if (i == 0)
            value = y[0];
        else if (i == COLORMAP_SIZE - 1)
            value = y[n - 1];
        else
            value = (place - x[at - 1]) / (x[at] - x[at - 1]) * (y[at] - y[at - 1]) + y[at - 1];
        value = value < 0.0 ? 0.0 : value > 1.0 ? 1.0 : value;
        out[i][channel] = (uint8_t)(value * 255.0);
    }
}

static Status raise_unknown(VM *vm, const char *name)
{
    StrBuf sb;
    sb_init(&sb, vm);
    sb_put_quoted(&sb, name, strlen(name));
    sb_putz(&sb, " is not a valid value for cmap. Supported values are ");
    for (int reversed = 0; reversed < 2; reversed++) {
        for (size_t k = 0; k < COUNT_OF(maps); k++)
            sb_printf(&sb, "%s'%s%s'", k || reversed ? ", " : "", maps[k].name, reversed ? "_r" : "");
    }
    Value text = sb_finish(&sb);
    if (!IS_ERR(text))
        raise(vm, TY_ValueError, "%s", STR(text)->text);
    value_free(vm, text);
    return ALP_FAIL;
}

Status colormap_get(VM *vm, const char *name, ColorTable out)
{
    size_t size = strlen(name);
    bool reversed = size > 2 && strcmp(name + size - 2, "_r") == 0;
    size -= reversed ? 2 : 0;
    for (size_t k = 0; k < COUNT_OF(maps); k++) {
        const ColorMap *m = &maps[k];
        if (strlen(m->name) != size || memcmp(m->name, name, size) != 0)
            continue;
        for (int i = 0; m->table && i < COLORMAP_SIZE; i++)
            memcpy(out[i], m->table[reversed ? COLORMAP_SIZE - 1 - i : i], 3);
        for (int channel = 0; !m->table && channel < 3; channel++)
            fill_channel(&m->rgb[channel], reversed, channel, out);
        return ALP_OK;
    }
    return raise_unknown(vm, name);
}
