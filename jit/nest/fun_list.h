/* jit/nest/fun_list.h — elementary functions, one row each: FUN(Id, "name", operands, double, float, double complex, float complex).
 * The columns are C functions that compute it in that type; 0: not in that type.  fun.c defines those that the C library lacks.
 * No include guard. */

/* ---- one operand ---- */
FUN(Sqrt,   "sqrt",   1, sqrt,   sqrtf,   csqrt,  csqrtf)
FUN(Exp,    "exp",    1, exp,    expf,    cexp,   cexpf)
FUN(Exp2,   "exp2",   1, exp2,   exp2f,   0,      0)
FUN(Expm1,  "expm1",  1, expm1,  expm1f,  0,      0)
FUN(Log,    "log",    1, log,    logf,    clog,   clogf)
FUN(Log2,   "log2",   1, log2,   log2f,   0,      0)
FUN(Log10,  "log10",  1, log10,  log10f,  0,      0)
FUN(Log1p,  "log1p",  1, log1p,  log1pf,  0,      0)
FUN(Sin,    "sin",    1, sin,    sinf,    csin,   csinf)
FUN(Cos,    "cos",    1, cos,    cosf,    ccos,   ccosf)
FUN(Tan,    "tan",    1, tan,    tanf,    ctan,   ctanf)
FUN(Asin,   "asin",   1, asin,   asinf,   casin,  casinf)
FUN(Acos,   "acos",   1, acos,   acosf,   cacos,  cacosf)
FUN(Atan,   "atan",   1, atan,   atanf,   catan,  catanf)
FUN(Sinh,   "sinh",   1, sinh,   sinhf,   csinh,  csinhf)
FUN(Cosh,   "cosh",   1, cosh,   coshf,   ccosh,  ccoshf)
FUN(Tanh,   "tanh",   1, tanh,   tanhf,   ctanh,  ctanhf)
FUN(Asinh,  "asinh",  1, asinh,  asinhf,  casinh, casinhf)
FUN(Acosh,  "acosh",  1, acosh,  acoshf,  cacosh, cacoshf)
FUN(Atanh,  "atanh",  1, atanh,  atanhf,  catanh, catanhf)
FUN(Cbrt,   "cbrt",   1, cbrt,   0,       0,      0)            /* math.cbrt */
FUN(NpCbrt, "np.cbrt", 1, el_cbrt_f64, el_cbrt_f32, 0, 0)
FUN(Erf,    "erf",    1, erf,    0,       0,      0)
FUN(Erfc,   "erfc",   1, erfc,   0,       0,      0)
FUN(Gamma,  "gamma",  1, gamma_or_nan, 0, 0,      0)
FUN(Lgamma, "lgamma", 1, lgamma_or_nan, 0, 0,     0)
FUN(Floor,  "floor",  1, floor,  floorf,  0,      0)
FUN(Ceil,   "ceil",   1, ceil,   ceilf,   0,      0)
FUN(Trunc,  "trunc",  1, trunc,  truncf,  0,      0)
FUN(Rint,   "rint",   1, nearbyint, nearbyintf, 0, 0)           /* halves to even */
FUN(Sign,   "sign",   1, el_sign_f64, el_sign_f32, 0, 0)
/* ---- two operands ---- */
FUN(Atan2,  "atan2",  2, atan2,  atan2f,  0,      0)
FUN(Hypot,  "hypot",  2, hypot,  hypotf,  0,      0)            /* np.hypot */
FUN(Norm2,  "norm2",  2, norm2,  0,       0,      0)            /* math.hypot */
FUN(Copysign, "copysign", 2, copysign, copysignf, 0, 0)
FUN(Fmod,   "fmod",   2, fmod,   fmodf,   0,      0)
FUN(Remainder, "remainder", 2, remainder, 0, 0,   0)            /* math.remainder: of the nearest quotient */
FUN(Nextafter, "nextafter", 2, nextafter, nextafterf, 0, 0)
FUN(Pow,    "pow",    2, pow,    0,       0,      0)            /* math.pow */
FUN(Power,  "power",  2, power_f64, power_f32, 0, 0)            /* np.power */
FUN(Fmin,   "fmin",   2, el_fmin_f64, el_fmin_f32, 0, 0)
FUN(Fmax,   "fmax",   2, el_fmax_f64, el_fmax_f32, 0, 0)
FUN(Heaviside, "heaviside", 2, el_heaviside_f64, el_heaviside_f32, 0, 0)
FUN(Logaddexp, "logaddexp", 2, el_logaddexp_f64, el_logaddexp_f32, 0, 0)
FUN(Logaddexp2, "logaddexp2", 2, el_logaddexp2_f64, el_logaddexp2_f32, 0, 0)
