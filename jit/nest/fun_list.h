/* jit/nest/fun_list.h — elementary functions, one row each: FUN(Id, "name", operands, double, float, double complex, float complex).
 * The columns are C functions that compute it in that type; 0: not in that type.  Those that start with elem_ are alpy's own, which
 * compiled code contains (interp/elem).  No include guard. */

/* ---- one operand ---- */
FUN(Sqrt,       "sqrt",        1, sqrt,             sqrtf,             csqrt,  csqrtf)
FUN(Exp,        "exp",         1, elem_exp,         elem_expf,         cexp,   cexpf)
FUN(Exp2,       "exp2",        1, elem_exp2,        elem_exp2f,        0,      0)
FUN(Expm1,      "expm1",       1, elem_expm1,       elem_expm1f,       0,      0)
FUN(Log,        "log",         1, elem_log,         elem_logf,         clog,   clogf)
FUN(Log2,       "log2",        1, elem_log2,        elem_log2f,        0,      0)
FUN(Log10,      "log10",       1, elem_log10,       elem_log10f,       0,      0)
FUN(Log1p,      "log1p",       1, elem_log1p,       elem_log1pf,       0,      0)
FUN(Sin,        "sin",         1, elem_sin,         elem_sinf,         csin,   csinf)
FUN(Cos,        "cos",         1, elem_cos,         elem_cosf,         ccos,   ccosf)
FUN(Tan,        "tan",         1, elem_tan,         elem_tanf,         ctan,   ctanf)
FUN(Asin,       "asin",        1, elem_asin,        elem_asinf,        casin,  casinf)
FUN(Acos,       "acos",        1, elem_acos,        elem_acosf,        cacos,  cacosf)
FUN(Atan,       "atan",        1, elem_atan,        elem_atanf,        catan,  catanf)
FUN(Sinh,       "sinh",        1, elem_sinh,        elem_sinhf,        csinh,  csinhf)
FUN(Cosh,       "cosh",        1, elem_cosh,        elem_coshf,        ccosh,  ccoshf)
FUN(Tanh,       "tanh",        1, elem_tanh,        elem_tanhf,        ctanh,  ctanhf)
FUN(Asinh,      "asinh",       1, elem_asinh,       elem_asinhf,       casinh, casinhf)
FUN(Acosh,      "acosh",       1, elem_acosh,       elem_acoshf,       cacosh, cacoshf)
FUN(Atanh,      "atanh",       1, elem_atanh,       elem_atanhf,       catanh, catanhf)
FUN(Cbrt,       "cbrt",        1, elem_cbrt,        elem_cbrtf,        0,      0)
FUN(Erf,        "erf",         1, elem_erf,         0,                 0,      0)
FUN(Erfc,       "erfc",        1, elem_erfc,        0,                 0,      0)
FUN(Gamma,      "gamma",       1, elem_gamma,       0,                 0,      0)
FUN(Lgamma,     "lgamma",      1, elem_lgamma,      0,                 0,      0)
FUN(Floor,      "floor",       1, floor,            floorf,            0,      0)
FUN(Ceil,       "ceil",        1, ceil,             ceilf,             0,      0)
FUN(Trunc,      "trunc",       1, trunc,            truncf,            0,      0)
FUN(Rint,       "rint",        1, nearbyint,        nearbyintf,        0,      0) /* halves to even */
FUN(Sign,       "sign",        1, el_sign_f64,      el_sign_f32,       0,      0)
/* ---- two operands ---- */
FUN(Atan2,      "atan2",       2, elem_atan2,       elem_atan2f,       0,      0)
FUN(Hypot,      "hypot",       2, elem_hypot,       elem_hypotf,       0,      0)
FUN(Copysign,   "copysign",    2, copysign,         copysignf,         0,      0)
FUN(Fmod,       "fmod",        2, fmod,             fmodf,             0,      0)
FUN(Remainder,  "remainder",   2, remainder,        0,                 0,      0) /* math.remainder: of the nearest quotient */
FUN(Nextafter,  "nextafter",   2, nextafter,        nextafterf,        0,      0)
FUN(Pow,        "pow",         2, elem_pow,         elem_powf,         0,      0) /* math.pow, ** */
FUN(Power,      "power",       2, elem_power,       elem_powerf,       0,      0) /* np.power */
FUN(Fmin,       "fmin",        2, el_fmin_f64,      el_fmin_f32,       0,      0)
FUN(Fmax,       "fmax",        2, el_fmax_f64,      el_fmax_f32,       0,      0)
FUN(Heaviside,  "heaviside",   2, el_heaviside_f64, el_heaviside_f32,  0,      0)
FUN(Logaddexp,  "logaddexp",   2, elem_logaddexp,   elem_logaddexpf,   0,      0)
FUN(Logaddexp2, "logaddexp2",  2, elem_logaddexp2,  elem_logaddexp2f,  0,      0)
