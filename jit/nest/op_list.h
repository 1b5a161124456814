/* jit/nest/op_list.h — operations of nest expressions, one row each: OP(Name, number of operands, "text").
 * No include guard.  Representations ("rep") are DTypes: Python's int is DT_I64, float DT_F64, complex DT_C128, bool DT_Bool.
 * Unless said otherwise operands have the rep of the result.  "py" marks the flavour NE_PY: Python's own numbers, which raise. */

/* ---- leaves ---- */
OP(Const,    0, "const")        /* u.i, u.u, u.f or u.z, by rep */
OP(Var,      0, "var")          /* u.var */
OP(Counter,  0, "counter")      /* u.loop's normalised counter: 0, 1, 2 …; DT_I64 */
OP(Extent,   0, "extent")       /* shape[axis] of u.extent.array; DT_I64 */
OP(Load,     0, "load")         /* u.access; subscripts hang on the access */
/* ---- one operand ---- */
OP(Neg,      1, "neg")          /* py ints: check Overflow */
OP(Invert,   1, "invert")
OP(Not,      1, "not")          /* DT_Bool to DT_Bool */
OP(Abs,      1, "abs")          /* complex: result is the real rep; py ints and complex: check Overflow */
OP(Real,     1, "real")         /* complex operand */
OP(Imag,     1, "imag")
OP(Conj,     1, "conj")
OP(Truth,    1, "truth")        /* any rep to DT_Bool: != 0, NaN is true */
/* Any rep to any rep as NumPy's astype (array_cast).  With checks: Exact (converting the result back must give the operand: an int that must
 * survive as float, a float as float32), Range (integer to integer, as a Python int into a narrower type: the value must fit), Nan (float to
 * integer as int() does: cut off towards zero; NaN, infinities and what does not fit into the integer type fail). */
OP(Cast,     1, "cast")
/* ---- two operands ---- */
OP(Add,      2, "add")          /* py ints: check Overflow; NumPy ints wrap; DT_Bool: or */
OP(Sub,      2, "sub")
OP(Mul,      2, "mul")          /* DT_Bool: and */
OP(Div,      2, "div")          /* float and complex reps; py: check ZeroDiv; complex: py and NumPy round differently (number.c, elementwise.h) */
OP(IntDiv,   2, "intdiv")       /* py int / int, correctly rounded: DT_I64 operands, DT_F64 result; check ZeroDiv */
OP(FloorDiv, 2, "floordiv")     /* py: check ZeroDiv (ints: Overflow too); NumPy ints: x // 0 == 0 */
OP(Mod,      2, "mod")
/* py: check Pow (negative exponent of ints, 0.0 ** -1, a complex result of floats, overflow), complex as number.c does it.  NumPy's signed
 * ints: check Pow (negative exponent) unless the exponent is a constant; they wrap. */
OP(Pow,      2, "pow")
OP(And,      2, "and")
OP(Or,       2, "or")
OP(Xor,      2, "xor")
OP(Shl,      2, "shl")          /* py: check Shift (negative count, result does not fit); NumPy: counts outside the width give 0 (shr: or -1) */
OP(Shr,      2, "shr")
OP(Eq,       2, "eq")           /* comparisons: operands of equal rep, result DT_Bool; or one DT_I64 and the other DT_F64 or DT_U64: exact */
OP(Ne,       2, "ne")
OP(Lt,       2, "lt")
OP(Le,       2, "le")
OP(Gt,       2, "gt")
OP(Ge,       2, "ge")
OP(NpMin,    2, "npmin")        /* np.minimum: a NaN wins; of equal floats (0.0, -0.0) the second is taken */
OP(NpMax,    2, "npmax")
OP(Complex,  2, "complex")      /* real and imaginary part: DT_F32 to DT_C64, DT_F64 to DT_C128 */
OP(AndAlso,  2, "andalso")      /* DT_Bool; the second operand is evaluated only if needed */
OP(OrElse,   2, "orelse")
/* ---- three operands ---- */
OP(Select,   3, "select")       /* DT_Bool ? second : third; only the chosen one is evaluated */
/* ---- elementary functions: u.fun of fun_list.h, 1 or 2 operands ---- */
OP(Fun,      2, "fun")          /* second operand NULL for functions of one; py (module math): check Domain */
/* The interpreter's own operator on Values of the operands' tags: for rare pairs of types (u.generic).  Result tag is known; a failure is a check. */
OP(Generic,  2, "generic")
