/* jit/gpu/prelude_list.h — helper functions of kernels, one row each: HELPER(Id, "name", "text").  No include guard.
 *
 * In the texts: $T the type of the representation, $S its suffix (a helper's full name is name_$S), $U its unsigned type, $W the unsigned type in which
 * its integers are computed, $B its bits, $F the suffix of its C functions ("f" for float), $R and $Q type and suffix of a complex number's parts;
 * $D what stands before a function, $N before a long one.  @name is a use of another helper, which stands further up: @name_$S, @name_$Q, or @name if it has no type;
 * @elem_name or @elem_name$F one of an elementary function. */

/* ---- what kernels are made of -------------------------------------------------------------------------------------------------- */
HELPER(Fail, "fail",
    "/* A check fails: kernels that start behind this do nothing, and the host undoes what was done. */\n"
    "$D void fail(Status *status, int check)\n{\n    atomicCAS(&status->failed, 0, check);\n}\n")
HELPER(IsStopped, "is_stopped",
    "/* Does somebody want the end?  Asked when so much has been done that it costs nothing; a call, so that the rest of the loop does not wait for it. */\n"
    "enum { FULL = 1 << 16 };\n"
    "__device__ __noinline__ bool is_stopped(const volatile int *stop) { return *stop != 0; }\n")
HELPER(ThreadX, "thread_x", "$D i64 thread_x() { return (i64)blockIdx.x * blockDim.x + threadIdx.x; }\n")
HELPER(ThreadY, "thread_y", "$D i64 thread_y() { return (i64)blockIdx.y * blockDim.y + threadIdx.y; }\n")
HELPER(ThreadZ, "thread_z", "$D i64 thread_z() { return (i64)blockIdx.z * blockDim.z + threadIdx.z; }\n")
HELPER(ThreadsX, "threads_x", "$D i64 threads_x() { return (i64)gridDim.x * blockDim.x; }\n")
HELPER(ThreadsY, "threads_y", "$D i64 threads_y() { return (i64)gridDim.y * blockDim.y; }\n")
HELPER(Least, "least", "$D i64 least(i64 a, i64 b) { return a < b ? a : b; }\n")
HELPER(Greatest, "greatest", "$D i64 greatest(i64 a, i64 b) { return a > b ? a : b; }\n")
HELPER(DivideUp, "divide_up", "$D i64 divide_up(i64 a, i64 b) { return a / b + (a % b > 0); }\n")
HELPER(Outside, "outside",
    "/* Is i neither 0 ... n-1 nor -n ... -1? */\n"
    "$D bool outside(i64 i, i64 n) { return (u64)i + (u64)n >= 2 * (u64)n; }\n")
HELPER(FromEnd, "from_end", "$D i64 from_end(i64 i, i64 n) { return i < 0 ? i + n : i; }\n")

/* ---- integers ------------------------------------------------------------------------------------------------------------------ */
HELPER(Neg, "neg", "$D $T neg_$S($T a) { return ($T)(0 - ($W)a); }\n")
HELPER(Abs, "abs", "$D $T abs_$S($T a) { return a < 0 ? ($T)(0 - ($W)a) : a; }\n")
HELPER(FloorDiv, "floordiv",
    "$D $T floordiv_$S($T a, $T b)\n{\n    if (b == 0)\n        return 0;\n    if (b == -1)\n        return ($T)(0 - ($W)a);\n"
    "    $T q = ($T)(a / b);\n    return ($T)(q - ((a % b != 0) & ((a < 0) != (b < 0))));\n}\n")
HELPER(Mod, "mod",
    "$D $T mod_$S($T a, $T b)\n{\n    if (b == 0 || b == -1)\n        return 0;\n    $T r = ($T)(a % b);\n"
    "    return r != 0 && (r < 0) != (b < 0) ? ($T)(r + b) : r;\n}\n")
HELPER(UFloorDiv, "quotient", "$D $T quotient_$S($T a, $T b) { return b == 0 ? ($T)0 : ($T)(a / b); }\n")
HELPER(UMod, "rest", "$D $T rest_$S($T a, $T b) { return b == 0 ? ($T)0 : ($T)(a % b); }\n")
HELPER(Shl, "shl", "$D $T shl_$S($T a, $T b) { return ($U)b < $B ? ($T)(($W)a << ($U)b) : ($T)0; }\n")
HELPER(Shr, "shr", "$D $T shr_$S($T a, $T b) { return ($U)b < $B ? ($T)(a >> b) : ($T)(a < 0 ? -1 : 0); }\n")
HELPER(UShr, "ushr", "$D $T ushr_$S($T a, $T b) { return b < $B ? ($T)(a >> b) : ($T)0; }\n")
HELPER(IntMin, "min", "$D $T min_$S($T a, $T b) { return a < b ? a : b; }\n")
HELPER(IntMax, "max", "$D $T max_$S($T a, $T b) { return a > b ? a : b; }\n")
HELPER(IntPow, "pow",
    "$D $T pow_$S($T a, $T b)\n{\n    u64 r = 1, x = (u64)a;\n    for (; b > 0; b = ($T)(b >> 1)) {\n        if (b & 1)\n            r *= x;\n"
    "        x *= x;\n    }\n    return ($T)r;\n}\n")

/* ---- Python's integers: true if the result does not fit ---------------------------------------------------------------------------- */
HELPER(AddOverflows, "add_overflows",
    "$D bool add_overflows(i64 a, i64 b, i64 *r)\n{\n    *r = (i64)((u64)a + (u64)b);\n    return ((a ^ *r) & (b ^ *r)) < 0;\n}\n")
HELPER(SubOverflows, "sub_overflows",
    "$D bool sub_overflows(i64 a, i64 b, i64 *r)\n{\n    *r = (i64)((u64)a - (u64)b);\n    return ((a ^ b) & (a ^ *r)) < 0;\n}\n")
HELPER(MulOverflows, "mul_overflows",
    "$D bool mul_overflows(i64 a, i64 b, i64 *r)\n{\n    *r = (i64)((u64)a * (u64)b);\n    return __mul64hi(a, b) != *r >> 63;\n}\n")
HELPER(ShlOverflows, "shl_overflows",
    "$D bool shl_overflows(i64 a, i64 n, i64 *r)\n{\n    *r = (u64)n < 64 ? (i64)((u64)a << n) : 0;\n"
    "    return n < 0 || (a != 0 && (n > 63 || *r >> n != a));\n}\n")
HELPER(PowOverflows, "pow_overflows",
    "$D bool pow_overflows(i64 a, i64 b, i64 *r)\n{\n    i64 p = 1;\n    *r = 0;\n    if (b < 0)\n        return true;\n    for (;;) {\n"
    "        if ((b & 1) && @mul_overflows(p, a, &p))\n            return true;\n        b >>= 1;\n        if (b == 0)\n            break;\n"
    "        if (@mul_overflows(a, a, &a))\n            return true;\n    }\n    *r = p;\n    return false;\n}\n")
HELPER(IntDiv, "intdiv",
    "/* a / b rounded once: beyond 2**53 the operands are no doubles, so the quotient is formed as an integer whose last bit is sticky. */\n"
    "$D double intdiv(i64 a, i64 b)\n{\n    const i64 exact = (i64)1 << 53;\n    if (b == 0)\n        return 0;\n"
    "    if (a >= -exact && a <= exact && b >= -exact && b <= exact)\n        return (double)a / (double)b;\n"
    "    if (a == 0)\n        return b < 0 ? -0.0 : 0.0;\n    u64 ua = a < 0 ? 0 - (u64)a : (u64)a, ub = b < 0 ? 0 - (u64)b : (u64)b;\n"
    "    int shift = 56 + __clzll((i64)ua) - __clzll((i64)ub);\n    u64 q = ua / ub, r = ua % ub;\n    for (int k = 0; k < shift; k++) {\n"
    "        bool one = r + r >= ub;\n        q = q + q + one;\n        r = r + r - (one ? ub : 0);\n    }\n"
    "    double x = ldexp((double)(q | (r != 0)), shift < 0 ? 0 : -shift);\n    return (a < 0) != (b < 0) ? -x : x;\n}\n")
HELPER(OrderIntFloat, "order_int_float",
    "/* Exactly: -1, 0, 1, or 2 if d is not a number. */\n"
    "$D int order_int_float(i64 i, double d)\n{\n    if (d != d)\n        return 2;\n    if (d >= 9223372036854775808.0)\n        return -1;\n"
    "    if (d < -9223372036854775808.0)\n        return 1;\n    i64 t = (i64)d;\n    if (i != t)\n        return i < t ? -1 : 1;\n"
    "    double rest = d - (double)t;\n    return rest > 0 ? -1 : rest < 0 ? 1 : 0;\n}\n")

/* ---- floats ---------------------------------------------------------------------------------------------------------------------- */
HELPER(Bits, "bits",
    "$D double bits_f64(u64 b)\n{\n    return __longlong_as_double((i64)b);\n}\n")
HELPER(BitsF, "bits_single",
    "$D float bits_single(unsigned b)\n{\n    return __int_as_float((int)b);\n}\n")
HELPER(IsInf, "is_inf", "$D bool is_inf_$S($T x) { return x - x != 0 && x == x; }\n")
HELPER(IsFinite, "is_finite", "$D bool is_finite_$S($T x) { return x - x == 0; }\n")
HELPER(FFloorDiv, "ffloordiv",
    "/* Python's floor division; x // 0 is x / 0. */\n"
    "$D $T ffloordiv_$S($T a, $T b)\n{\n    $T r = fmod$F(a, b);\n    if (b == 0)\n        return a / b;\n    $T q = (a - r) / b;\n"
    "    if (r != 0 && (b < 0) != (r < 0))\n        q -= 1;\n    if (q == 0)\n        return copysign$F(($T)0, a / b);\n"
    "    $T whole = floor$F(q);\n    return q - whole > ($T)0.5 ? whole + 1 : whole;\n}\n")
HELPER(FMod, "fmodulo",
    "$D $T fmodulo_$S($T a, $T b)\n{\n    $T r = fmod$F(a, b);\n    if (b == 0)\n        return r;\n    if (r == 0)\n"
    "        return copysign$F(($T)0, b);\n    return (b < 0) != (r < 0) ? r + b : r;\n}\n")
HELPER(NpMin, "npmin", "$D $T npmin_$S($T a, $T b) { return a < b || a != a ? a : b; }\n")
HELPER(NpMax, "npmax", "$D $T npmax_$S($T a, $T b) { return a > b || a != a ? a : b; }\n")
HELPER(FFmin, "npfmin", "$D $T npfmin_$S($T a, $T b) { return a < b || b != b ? a : b; }\n")
HELPER(FFmax, "npfmax", "$D $T npfmax_$S($T a, $T b) { return a > b || b != b ? a : b; }\n")
HELPER(FSign, "sign", "$D $T sign_$S($T a) { return a > 0 ? ($T)1 : a < 0 ? ($T)-1 : a == 0 ? ($T)0 : a; }\n")
HELPER(Heaviside, "heaviside", "$D $T heaviside_$S($T a, $T b) { return a != a ? a : a == 0 ? b : a < 0 ? ($T)0 : ($T)1; }\n")
HELPER(Root, "power_half",
    "/* x ** 0.5 */\n"
    "$D double power_half(double x) { return x == 0 ? 0.0 : x < 0 && x - x != 0 ? -x : sqrt(x); }\n")
HELPER(PyPowFails, "py_pow_fails",
    "/* Python's x ** y: true if it raises or is a complex number, which is so where finite numbers have no finite power. */\n"
    "$D bool py_pow_fails(double x, double y, double *r)\n{\n    *r = @elem_pow(x, y);\n    return *r - *r != 0 && x - x == 0 && y - y == 0;\n}\n")
HELPER(InDomain1, "in_domain1",
    "/* Does the function of module math return r = f(x) rather than raise? */\n"
    "$D bool in_domain1(double x, double r) { return r - r == 0 || (r != r ? x != x : x - x != 0); }\n")
HELPER(InDomain2, "in_domain2", "$D bool in_domain2(double x, double y, double r) { return r == r || x != x || y != y; }\n")
HELPER(InDomainPow, "in_domain_pow", "$D bool in_domain_pow(double x, double y, double r) { return r - r == 0 || x - x != 0 || y - y != 0; }\n")

/* ---- floats to integers, as x86 does it: what does not fit gives the least integer --------------------------------------------------- */
HELPER(CutI32, "cut_i32", "$D int cut_i32(double x) { return x > -2147483649.0 && x < 2147483648.0 ? (int)x : -2147483647 - 1; }\n")
HELPER(CutI64, "cut_i64",
    "$D i64 cut_i64(double x)\n{\n    return x >= -9223372036854775808.0 && x < 9223372036854775808.0 ? (i64)x : -9223372036854775807ll - 1;\n}\n")
HELPER(CutU64, "cut_u64",
    "$D u64 cut_u64(double x)\n{\n    if (x >= 9223372036854775808.0)\n        return x < 18446744073709551616.0 ? (u64)x : 0;\n"
    "    return (u64)@cut_i64(x);\n}\n")
HELPER(ExactI64F64, "exact_i64_f64", "$D bool exact_i64_f64(i64 p) { double r = (double)p; return r < 9223372036854775808.0 && (i64)r == p; }\n")
HELPER(ExactU64F64, "exact_u64_f64", "$D bool exact_u64_f64(u64 p) { double r = (double)p; return r < 18446744073709551616.0 && (u64)r == p; }\n")
HELPER(ExactI64F32, "exact_i64_f32", "$D bool exact_i64_f32(i64 p) { float r = (float)p; return r < 9223372036854775808.0f && (i64)r == p; }\n")
HELPER(ExactU64F32, "exact_u64_f32", "$D bool exact_u64_f32(u64 p) { float r = (float)p; return r < 18446744073709551616.0f && (u64)r == p; }\n")
HELPER(ExactF64F32, "exact_f64_f32", "$D bool exact_f64_f32(double p) { return (double)(float)p == p || p != p; }\n")

/* ---- complex numbers ------------------------------------------------------------------------------------------------------------------ */
HELPER(Complex, "cplx", "$D $T cplx_$S($R re, $R im)\n{\n    $T z;\n    z.re = re;\n    z.im = im;\n    return z;\n}\n")
HELPER(CAdd, "cadd", "$D $T cadd_$S($T a, $T b) { return @cplx_$S(a.re + b.re, a.im + b.im); }\n")
HELPER(CSub, "csub", "$D $T csub_$S($T a, $T b) { return @cplx_$S(a.re - b.re, a.im - b.im); }\n")
HELPER(CMul, "cmul", "$D $T cmul_$S($T a, $T b) { return @cplx_$S(a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re); }\n")
HELPER(CNeg, "cneg", "$D $T cneg_$S($T a) { return @cplx_$S(-a.re, -a.im); }\n")
HELPER(CConj, "cconj", "$D $T cconj_$S($T a) { return @cplx_$S(a.re, -a.im); }\n")
HELPER(CAbs, "cabs", "$D $R cabs_$S($T a) { return @elem_hypot$F(a.re, a.im); }\n")
HELPER(CTruth, "ctruth", "$D bool ctruth_$S($T a) { return a.re != 0 || a.im != 0; }\n")
HELPER(CDiv, "cdiv",
    "/* Smith's method. */\n"
    "$D $T cdiv_$S($T a, $T b)\n{\n    if (fabs$F(b.re) >= fabs$F(b.im)) {\n        if (b.re == 0 && b.im == 0)\n"
    "            return @cplx_$S(a.re / fabs$F(b.re), a.im / fabs$F(b.re));\n        $R ratio = b.im / b.re, scale = 1 / (b.re + b.im * ratio);\n"
    "        return @cplx_$S((a.re + a.im * ratio) * scale, (a.im - a.re * ratio) * scale);\n    }\n"
    "    $R ratio = b.re / b.im, scale = 1 / (b.im + b.re * ratio);\n"
    "    return @cplx_$S((a.re * ratio + a.im) * scale, (a.im * ratio - a.re) * scale);\n}\n")
HELPER(PyDiv, "py_cdiv_fails",
    "/* Smith's method as Python has it; true: division by zero. */\n"
    "$D bool py_cdiv_fails(c128 a, c128 b, c128 *r)\n{\n    double x = fabs(b.re), y = fabs(b.im);\n    *r = @cplx_c128(0, 0);\n    if (x >= y) {\n"
    "        if (x == 0)\n            return true;\n        double ratio = b.im / b.re, d = b.re + b.im * ratio;\n"
    "        *r = @cplx_c128((a.re + a.im * ratio) / d, (a.im - a.re * ratio) / d);\n    } else if (y >= x) {\n"
    "        double ratio = b.re / b.im, d = b.re * ratio + b.im;\n        *r = @cplx_c128((a.re * ratio + a.im) / d, (a.im * ratio - a.re) / d);\n"
    "    } else {\n        *r = @cplx_c128(@bits_f64(0x7ff8000000000000ull), @bits_f64(0x7ff8000000000000ull));\n    }\n    return false;\n}\n")
HELPER(CEq, "ceq", "$D bool ceq_$S($T a, $T b) { return a.re == b.re && a.im == b.im; }\n")
HELPER(CLt, "clt",
    "/* By real part, then by imaginary part. */\n"
    "$D bool clt_$S($T a, $T b)\n{\n    return (a.re < b.re && a.im == a.im && b.im == b.im) || (a.re == b.re && a.im < b.im);\n}\n")
HELPER(CLe, "cle",
    "$D bool cle_$S($T a, $T b)\n{\n    return (a.re < b.re && a.im == a.im && b.im == b.im) || (a.re == b.re && a.im <= b.im);\n}\n")
HELPER(CMin, "cmin", "$D $T cmin_$S($T a, $T b) { return a.re != a.re || a.im != a.im || @cle_$S(a, b) ? a : b; }\n")
HELPER(CMax, "cmax", "$D $T cmax_$S($T a, $T b) { return a.re != a.re || a.im != a.im || @cle_$S(b, a) ? a : b; }\n")
/* Functions: values at infinities and NaN as in annex G of the C standard. */
HELPER(CSqrt, "csqrt",
    "$N $T csqrt_$S($T z)\n{\n    $R a = z.re, b = z.im;\n    if (a == 0 && b == 0)\n        return @cplx_$S(0, b);\n    if (b - b != 0 && b == b)\n"
    "        return @cplx_$S(fabs$F(b), b);\n    if (a != a)\n        return @cplx_$S(a, b - b == 0 ? a : b);\n    if (a - a != 0)\n"
    "        return a < 0 ? @cplx_$S(fabs$F(b - b), copysign$F(a, b)) : @cplx_$S(a, copysign$F(b - b, b));\n"
    "    const $R large = sizeof($R) == 4 ? ($R)8e37 : ($R)4e307;\n    $R scale = 1;\n    if (fabs$F(a) > large || fabs$F(b) > large) {\n"
    "        a = a / 4;\n        b = b / 4;\n        scale = 2;\n    }\n    $R t = sqrt$F((fabs$F(a) + hypot$F(a, b)) / 2);\n"
    "    return a >= 0 ? @cplx_$S(t * scale, b / (2 * t) * scale) : @cplx_$S(fabs$F(b) / (2 * t) * scale, copysign$F(t, b) * scale);\n}\n")
HELPER(CExp, "cexp",
    "$N $T cexp_$S($T z)\n{\n    const $R large = sizeof($R) == 4 ? ($R)88 : ($R)709;\n    $R x = z.re, y = z.im;\n    if (y == 0)\n"
    "        return @cplx_$S(exp$F(x), y);\n    if (y - y != 0 && x - x != 0 && x == x)\n        return x < 0 ? @cplx_$S(0, 0) : @cplx_$S(x, y - y);\n"
    "    $R c = cos$F(y), s = sin$F(y);\n    if (x > large && x - x == 0) {\n        $R half = exp$F(x / 2);\n"
    "        return @cplx_$S(half * c * half, half * s * half);\n    }\n    $R e = exp$F(x);\n    return @cplx_$S(e * c, e * s);\n}\n")
HELPER(CLog, "clog",
    "$N $T clog_$S($T z)\n{\n    $R x = fabs$F(z.re), y = fabs$F(z.im), r = hypot$F(x, y), most = x > y ? x : y, least = x > y ? y : x;\n"
    "    $R size = r > ($R)0.5 && r < 2 ? log1p$F((most - 1) * (most + 1) + least * least) / 2\n"
    "            : r - r != 0 && x - x == 0 && y - y == 0 ? log$F(hypot$F(x / 2, y / 2)) + ($R)0.693147180559945309417232121458176568 : log$F(r);\n"
    "    return @cplx_$S(size, atan2$F(z.im, z.re));\n}\n")
HELPER(CSinh, "csinh",
    "/* of x + iy: odd, sinh(x) cos(y) + i cosh(x) sin(y); else cosh(x) cos(y) + i sinh(x) sin(y). */\n"
    "$N $T csinh_$S($T z, bool odd)\n{\n    const $R large = sizeof($R) == 4 ? ($R)80 : ($R)700;\n    $R x = z.re, y = z.im;\n    if (y == 0)\n"
    "        return odd ? @cplx_$S(sinh$F(x), y) : @cplx_$S(cosh$F(x), copysign$F(($R)0, x) * y);\n"
    "    if (x == 0)\n        return odd ? @cplx_$S(x, sin$F(y)) : @cplx_$S(cos$F(y), copysign$F(($R)0, x) * (y - y == 0 ? sin$F(y) : ($R)1));\n"
    "    if (x - x != 0 && x == x && y - y != 0)\n        return @cplx_$S(odd ? x : fabs$F(x), y - y);\n    $R c = cos$F(y), s = sin$F(y);\n"
    "    if (fabs$F(x) > large && x - x == 0) {\n        $R e = exp$F(fabs$F(x) / 2), h = copysign$F(e, x) / 2;\n"
    "        return odd ? @cplx_$S(h * c * e, e / 2 * s * e) : @cplx_$S(e / 2 * c * e, h * s * e);\n    }\n"
    "    return odd ? @cplx_$S(sinh$F(x) * c, cosh$F(x) * s) : @cplx_$S(cosh$F(x) * c, sinh$F(x) * s);\n}\n")
HELPER(CSin, "csin", "$D $T csin_$S($T z)\n{\n    $T r = @csinh_$S(@cplx_$S(-z.im, z.re), true);\n    return @cplx_$S(r.im, -r.re);\n}\n")
HELPER(CCos, "ccos", "$D $T ccos_$S($T z) { return @csinh_$S(@cplx_$S(-z.im, z.re), false); }\n")
HELPER(CTimes, "ctimes",
    "/* As C multiplies: what is infinite stays so. */\n"
    "$N $T ctimes_$S($T a, $T b)\n{\n    $R p = a.re * b.re, q = a.im * b.im, r = a.re * b.im, s = a.im * b.re, x = p - q, y = r + s;\n"
    "    const $R inf = ($R)@bits_f64(0x7ff0000000000000ull);\n    if (x == x || y == y)\n        return @cplx_$S(x, y);\n"
    "    const bool a_inf = @is_inf_$Q(a.re) || @is_inf_$Q(a.im), b_inf = @is_inf_$Q(b.re) || @is_inf_$Q(b.im);\n"
    "    if (!a_inf && !b_inf && !@is_inf_$Q(p) && !@is_inf_$Q(q) && !@is_inf_$Q(r) && !@is_inf_$Q(s))\n        return @cplx_$S(x, y);\n    if (a_inf)\n"
    "        a = @cplx_$S(copysign$F(($R)@is_inf_$Q(a.re), a.re), copysign$F(($R)@is_inf_$Q(a.im), a.im));\n    if (b_inf)\n"
    "        b = @cplx_$S(copysign$F(($R)@is_inf_$Q(b.re), b.re), copysign$F(($R)@is_inf_$Q(b.im), b.im));\n"
    "    a = @cplx_$S(a.re == a.re ? a.re : copysign$F(($R)0, a.re), a.im == a.im ? a.im : copysign$F(($R)0, a.im));\n"
    "    b = @cplx_$S(b.re == b.re ? b.re : copysign$F(($R)0, b.re), b.im == b.im ? b.im : copysign$F(($R)0, b.im));\n"
    "    return @cplx_$S(inf * (a.re * b.re - a.im * b.im), inf * (a.re * b.im + a.im * b.re));\n}\n")
HELPER(CPow, "cpow",
    "$N $T cpow_$S($T a, $T b)\n{\n    if (b.re == 0 && b.im == 0)\n        return @cplx_$S(1, 0);\n    if (a.re == 0 && a.im == 0) {\n"
    "        $R nan = ($R)@bits_f64(0x7ff8000000000000ull);\n        return b.re > 0 ? @cplx_$S(0, 0) : @cplx_$S(nan, nan);\n    }\n"
    "    if (b.im == 0 && b.re > -100 && b.re < 100 && b.re == ($R)(int)b.re) {\n        int n = (int)b.re, left = n < 0 ? -n : n;\n"
    "        if (n == 1)\n            return a;\n        if (n == 2)\n            return @cmul_$S(a, a);\n        if (n == 3)\n"
    "            return @cmul_$S(a, @cmul_$S(a, a));\n        $T r = @cplx_$S(1, 0);\n        for ($T p = a;; p = @cmul_$S(p, p)) {\n"
    "            if (left & 1)\n                r = @cmul_$S(r, p);\n            left >>= 1;\n            if (!left)\n                break;\n        }\n"
    "        return n < 0 ? @cdiv_$S(@cplx_$S(1, 0), r) : r;\n    }\n"
    "    return @cexp_$S(@ctimes_$S(b, @clog_$S(a)));\n}\n")
HELPER(PyCPow, "py_cpow_fails",
    "/* Python's power of complex numbers; true: it raises. */\n"
    "$D bool py_cpow_fails(c128 a, c128 b, c128 *out)\n{\n    c128 r = @cplx_c128(1, 0), p = a;\n    bool domain = false;\n    *out = @cplx_c128(0, 0);\n"
    "    if (b.im == 0 && b.re == floor(b.re) && fabs(b.re) <= 100.0) {\n        int n = (int)fabs(b.re);\n"
    "        for (int mask = 1; n >= mask; mask <<= 1) {\n            if (n & mask)\n                r = @cmul_c128(r, p);\n            p = @cmul_c128(p, p);\n"
    "        }\n        if (b.re <= 0)\n            domain = @py_cdiv_fails(@cplx_c128(1, 0), r, &r);\n    } else if (a.re == 0 && a.im == 0) {\n"
    "        domain = b.im != 0 || b.re < 0;\n        r = @cplx_c128(0, 0);\n    } else {\n"
    "        double size = hypot(a.re, a.im), len = pow(size, b.re), at = atan2(a.im, a.re), phase = at * b.re;\n        if (b.im != 0) {\n"
    "            len /= exp(at * b.im);\n            phase += b.im * log(size);\n        }\n        domain = phase - phase != 0 && phase == phase;\n"
    "        r = @cplx_c128(len * cos(phase), len * sin(phase));\n    }\n    if (domain || (r.re - r.re != 0 && r.re == r.re) || (r.im - r.im != 0 && r.im == r.im))\n"
    "        return true;\n    *out = r;\n    return false;\n}\n")

/* ---- lanes of a warp ------------------------------------------------------------------------------------------------------------------ */
HELPER(Down, "down", "$D $T down_$S($T x, int by) { return __shfl_down_sync(0xffffffffu, x, by); }\n")
HELPER(NarrowDown, "narrow_down", "$D $T narrow_down_$S($T x, int by) { return ($T)__shfl_down_sync(0xffffffffu, (int)x, by); }\n")
HELPER(CDown, "cdown",
    "$D $T cdown_$S($T x, int by)\n{\n    return @cplx_$S(__shfl_down_sync(0xffffffffu, x.re, by), __shfl_down_sync(0xffffffffu, x.im, by));\n}\n")
HELPER(AnyLane, "any_lane", "$D bool any_lane(bool p) { return __any_sync(0xffffffffu, p); }\n")
HELPER(WarpMax, "warp_max",
    "$D i64 warp_max(i64 x)\n{\n    for (int half = 16; half; half /= 2) {\n        i64 y = __shfl_xor_sync(0xffffffffu, x, half);\n"
    "        x = y > x ? y : x;\n    }\n    return x;\n}\n")

/* ---- the canonical tree by the lanes of a warp: levels above the chunks ---------------------------------------------------------------------- */
HELPER(WarpTree, "warp_tree",
    "/* Lane l has what lane l of each level holds; more than 2**48 iterations take for ever. */\n"
    "struct WarpTree_$S { $T lane[3]; i64 count[3]; };\n"
    "$D WarpTree_$S warp_tree_$S($T identity)\n{\n    WarpTree_$S u;\n    for (int k = 0; k < 3; k++) {\n        u.lane[k] = identity;\n"
    "        u.count[k] = 0;\n    }\n    return u;\n}\n")
#define WARP_TREE_TEXT(op, name, down, first) \
    "$D $T warp_fold_" name "_$S($T x)\n{\n    for (int half = 16; half; half /= 2)\n        x = " op("x", down "_$S(x, half)") ";\n    return " first ";\n}\n" \
    "/* The value of a chunk, which all lanes know; it may complete one of the next level. */\n" \
    "$D void warp_give_" name "_$S(WarpTree_$S *u, int lane, $T value, $T identity)\n{\n#pragma unroll\n    for (int k = 0; k < 3; k++) {\n" \
    "        if (lane == (int)(u->count[k] % 32))\n            u->lane[k] = " op("u->lane[k]", "value") ";\n        if (++u->count[k] < 4096)\n            return;\n" \
    "        value = warp_fold_" name "_$S(u->lane[k]);\n        u->lane[k] = identity;\n        u->count[k] = 0;\n    }\n}\n" \
    "$D $T warp_result_" name "_$S(WarpTree_$S *u, int lane)\n{\n#pragma unroll\n    for (int k = 0; k < 2; k++) {\n        if (u->count[k] == 0)\n            continue;\n" \
    "        $T value = warp_fold_" name "_$S(u->lane[k]);\n        if (lane == (int)(u->count[k + 1]++ % 32))\n" \
    "            u->lane[k + 1] = " op("u->lane[k + 1]", "value") ";\n    }\n    return warp_fold_" name "_$S(u->lane[2]);\n}\n"
#define FIRST_LANE  "__shfl_sync(0xffffffffu, x, 0)"
#define FIRST_LANES "@cplx_$S(__shfl_sync(0xffffffffu, x.re, 0), __shfl_sync(0xffffffffu, x.im, 0))"
#define TREE_OP_ADD(a, b)  a " + " b
#define TREE_OP_MUL(a, b)  a " * " b
#define TREE_OP_CADD(a, b) "@cadd_$S(" a ", " b ")"
#define TREE_OP_CMUL(a, b) "@cmul_$S(" a ", " b ")"
HELPER(WarpSum, "warp_sum", WARP_TREE_TEXT(TREE_OP_ADD, "sum", "@down", FIRST_LANE))
HELPER(WarpProduct, "warp_product", WARP_TREE_TEXT(TREE_OP_MUL, "product", "@down", FIRST_LANE))
HELPER(WarpCSum, "warp_csum", WARP_TREE_TEXT(TREE_OP_CADD, "csum", "@cdown", FIRST_LANES))

/* ---- the canonical tree inside a thread: levels above the chunks ------------------------------------------------------------------------ */
HELPER(Upper, "upper",
    "struct Upper_$S { i64 count[5]; $T lane[5][32]; };\n"
    "$N i64 upper_$S(Upper_$S *u, i64 n, $T identity)\n{\n    int levels = 0;\n    for (; n > 1; n = n / 4096 + (n % 4096 != 0), levels++)\n"
    "        for (int l = 0; levels && l < 32; l++) {\n            u->count[levels - 1] = 0;\n            u->lane[levels - 1][l] = identity;\n        }\n"
    "    return levels;\n}\n")
#define GIVE_TEXT(op, name) \
    "$N $T fold_" name "_$S($T *lane)\n{\n    for (int half = 16; half; half /= 2)\n        for (int l = 0; l < half; l++)\n" \
    "            lane[l] = " op("lane[l]", "lane[l + half]") ";\n    return lane[0];\n}\n" \
    "/* The value of a chunk of level `from` goes to the next one, where it may complete a chunk in turn; from the last one to the result. */\n" \
    "$N void give_" name "_$S(Upper_$S *u, i64 levels, int from, $T value, $T identity, $T *result)\n{\n" \
    "    for (int level = from + 1; level < levels; level++) {\n        $T *lane = u->lane[level - 1];\n        i64 at = u->count[level - 1]++ % 32;\n" \
    "        lane[at] = " op("lane[at]", "value") ";\n        if (u->count[level - 1] < 4096)\n            return;\n        value = fold_" name "_$S(lane);\n" \
    "        u->count[level - 1] = 0;\n        for (int l = 0; l < 32; l++)\n            lane[l] = identity;\n    }\n" \
    "    *result = " op("*result", "value") ";\n}\n" \
    "$N void flush_" name "_$S(Upper_$S *u, i64 levels, $T identity, $T *result)\n{\n    for (int level = 1; level < levels; level++)\n" \
    "        if (u->count[level - 1]) {\n            $T value = fold_" name "_$S(u->lane[level - 1]);\n            u->count[level - 1] = 0;\n" \
    "            give_" name "_$S(u, levels, level, value, identity, result);\n        }\n}\n"
HELPER(GiveSum, "give_sum", GIVE_TEXT(TREE_OP_ADD, "sum"))
HELPER(GiveProduct, "give_product", GIVE_TEXT(TREE_OP_MUL, "product"))
HELPER(GiveCSum, "give_csum", GIVE_TEXT(TREE_OP_CADD, "csum"))
HELPER(GiveCProduct, "give_cproduct", GIVE_TEXT(TREE_OP_CMUL, "cproduct"))
