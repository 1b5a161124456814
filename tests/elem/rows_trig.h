/* tests/elem/rows_trig.h — rows of test_elem.c: trigonometric functions and their inverses.  No include guard. */
#ifdef ELEM_ROWS_FUNCTIONS
#else

/* Regions of one double: those nearest to a multiple of pi/2 (by continued fractions), of all and below 2^30; floats likewise. */
#define USUAL   { -1.6, 1.6 }, { -40, 40 }, { -0x1p20, 0x1p20 }, { 0x1p29, 0x1p31 }, { -1e-7, 1e-7 }
#define HARDEST { 0x1.6ac5b262ca1ffp+849, 0x1.6ac5b262ca2p+849 }, { 0x1.6c6cbc45dc8dep+5, 0x1.6c6cbc45dc8dfp+5 }, \
                { 0x1.b951f1572eba5p+23, 0x1.b951f1572eba6p+23 }, { 0x1.f37c8ap+95, 0x1.f37c8cp+95 }, { 0x1.f9cbe2p+7, 0x1.f9cbe4p+7 }, \
                { 0x1.921fb54442d18p+0, 0x1.921fb54442d19p+0 }, { 0x1.921fb54442d18p+1, 0x1.921fb54442d19p+1 }
ROW_1(sin, mpfr_sin, 0.51, 0.501, 1, USUAL, HARDEST)
ROW_1(cos, mpfr_cos, 0.51, 0.501, 1, USUAL, HARDEST)
ROW_1(tan, mpfr_tan, 0.51, 0.501, 1, USUAL, HARDEST)
ROW_1(asin, mpfr_asin, 0.51, 0.501, 1, { -1, 1 }, { 0.5, 1 }, { -0.5, 0.5 }, { -1, -0.5 }, { 0, 1e-6 })
ROW_1(acos, mpfr_acos, 0.51, 0.501, 1, { -1, 1 }, { 0.5, 1 }, { -0.5, 0.5 }, { -1, -0.5 }, { 0, 1e-6 })
ROW_1(atan, mpfr_atan, 0.51, 0.501, 1, { -1, 1 }, { 0.40, 0.42 }, { 2.41, 2.43 }, { -100, 100 }, { 0.99, 1.01 }, { 1e15, 1e18 })
ROW_2(atan2, mpfr_atan2, 0.51, 0.501, 1, { -1, 1, -1, 1 }, { 0, 1, -1e-300, 1e-300 }, { 0, 1e-310, -1, 1 }, { 1, 2, 2, 4.8 }, { 1, 2, -1, 1 }, { 1e-160, 1e-150, 1e150, 1e160 },
      { 0, 1e300, 0, 1.7e308 }, { 0, 1e-320, -1e-320, 1e-320 })

#define ODD_1(name, x, r) SPECIAL_1(name, x, r) SPECIAL_1(name, -(x), -(r))
ODD_1(sin, 0.0, 0.0) ODD_1(sin, INFINITY, NAN) ODD_1(sin, 0x1p-1074, 0x1p-1074) ODD_1(sin, 0x1p-149, 0x1p-149) SPECIAL_1(sin, NAN, NAN)
SPECIAL_1(cos, 0.0, 1.0) SPECIAL_1(cos, -0.0, 1.0) SPECIAL_1(cos, INFINITY, NAN) SPECIAL_1(cos, -INFINITY, NAN) SPECIAL_1(cos, 0x1p-1074, 1.0)
SPECIAL_1(cos, NAN, NAN) SPECIAL_1(cos, 0x1p-27, 1.0)
ODD_1(tan, 0.0, 0.0) ODD_1(tan, INFINITY, NAN) ODD_1(tan, 0x1p-1074, 0x1p-1074) ODD_1(tan, 0x1p-149, 0x1p-149) SPECIAL_1(tan, NAN, NAN)
ODD_1(asin, 0.0, 0.0) ODD_1(asin, 1.0, M_PI / 2) ODD_1(asin, 0x1.0000000000001p0, NAN) ODD_1(asin, 2.0, NAN) ODD_1(asin, INFINITY, NAN)
ODD_1(asin, 0x1p-1074, 0x1p-1074) ODD_1(asin, 0x1p-149, 0x1p-149) SPECIAL_1(asin, NAN, NAN)
SPECIAL_1(acos, 1.0, 0.0) SPECIAL_1(acos, -1.0, M_PI) SPECIAL_1(acos, 0.0, M_PI / 2) SPECIAL_1(acos, -0.0, M_PI / 2) SPECIAL_1(acos, 2.0, NAN)
SPECIAL_1(acos, 0x1.0000000000001p0, NAN) SPECIAL_1(acos, -0x1.0000000000001p0, NAN) SPECIAL_1(acos, -INFINITY, NAN) SPECIAL_1(acos, NAN, NAN)
ODD_1(atan, 0.0, 0.0) ODD_1(atan, 1.0, M_PI / 4) ODD_1(atan, INFINITY, M_PI / 2) ODD_1(atan, 0x1p1023, M_PI / 2) ODD_1(atan, 0x1p-1074, 0x1p-1074)
ODD_1(atan, 0x1p-149, 0x1p-149) SPECIAL_1(atan, NAN, NAN)

#define ODD_2(name, y, x, r) SPECIAL_2(name, y, x, r) SPECIAL_2(name, -(y), x, -(r))
ODD_2(atan2, 0.0, 0.0, 0.0) ODD_2(atan2, 0.0, -0.0, M_PI) ODD_2(atan2, 0.0, 1.0, 0.0) ODD_2(atan2, 0.0, -1.0, M_PI) ODD_2(atan2, 1.0, 0.0, M_PI / 2)
ODD_2(atan2, 1.0, -0.0, M_PI / 2) ODD_2(atan2, 1.0, 1.0, M_PI / 4) ODD_2(atan2, 1.0, -1.0, 3 * (M_PI / 4))
ODD_2(atan2, INFINITY, INFINITY, M_PI / 4) ODD_2(atan2, INFINITY, -INFINITY, 3 * (M_PI / 4)) ODD_2(atan2, 1.0, INFINITY, 0.0)
ODD_2(atan2, 1.0, -INFINITY, M_PI) ODD_2(atan2, 0.0, INFINITY, 0.0) ODD_2(atan2, 0.0, -INFINITY, M_PI) ODD_2(atan2, INFINITY, 1.0, M_PI / 2)
ODD_2(atan2, INFINITY, -1.0, M_PI / 2) ODD_2(atan2, INFINITY, 0.0, M_PI / 2) ODD_2(atan2, 0x1p-1074, 1.0, 0x1p-1074)
ODD_2(atan2, 0x1p-1074, 0x1p-1074, M_PI / 4) ODD_2(atan2, 0x1p1023, 0x1p1023, M_PI / 4) ODD_2(atan2, 0x1p-1074, 0x1p1023, 0.0)
ODD_2(atan2, 0x1p-149, 1.0, 0x1p-149) ODD_2(atan2, 0x1p-1000, 0x1p22, 0x1p-1022) ODD_2(atan2, 1.0, NAN, NAN) ODD_2(atan2, NAN, INFINITY, NAN)

#undef ODD_1
#undef ODD_2
#undef USUAL
#undef HARDEST
#endif
