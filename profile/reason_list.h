/* profile/reason_list.h — every reason that the outcome of a loop can have, one row each: the closed list behind `alpy explain`.
 *
 * REASON(Code, "name for programs", "what it means, completing `because …`", "what the user can do; \"\" = nothing needed")
 * docs/explain.md lists the same rows; a test compares them.  No include guard. */

/* ---- the loop runs in parallel, wholly or in parts ---- */
REASON(Independent,  "independent",       "no iteration touches what another one writes", "")
REASON(Reduced,      "reduction",         "iterations only share accumulations whose order the plan fixes", "")
REASON(AtRunTime,    "decided-at-run-time", "the values at this execution show that iterations are independent", "")
REASON(Distributed,  "distributed",       "it was split: the independent statements run in loops of their own", "")
REASON(Interchanged, "interchanged",      "an independent loop was moved outwards", "")

/* ---- sequential ---- */
REASON(CarriedFlow,  "carried-flow",      "an iteration reads what an earlier one wrote", "compute the value from the loop variable, or make the other loop of the nest the outer one")
REASON(CarriedAnti,  "carried-anti",      "an iteration overwrites what an earlier one reads", "write the results into another array")
REASON(CarriedOutput,"carried-output",    "two iterations write the same element", "let the subscript depend on the loop variable")
REASON(CarriedScalar,"carried-scalar",    "a variable carries its value from one iteration to the next", "assign the variable at the top of the loop body before it is read, or write the accumulation as v = v + e")
REASON(MaybeSubscript,"subscript-not-affine", "a subscript is not a linear function of the loop variables, so iterations may meet in an element", "")
REASON(MaybeAlias,   "overlap-unknown",   "two arrays overlap in a way that the tests cannot follow", "copy one of the arrays")
REASON(MaybeWrap,    "negative-index",    "a subscript is negative in some iterations, where it counts from the end of the array", "start the loop where the subscript is not negative")
REASON(MaybeLimit,   "analysis-limit",    "the dependence analysis reached its limit of work", "split the nest")
REASON(ProgramOrder, "program-order",     "its accumulation keeps program order: an enclosing loop is the better one to run in parallel", "")
REASON(WhileLoop,    "while-loop",        "a while loop decides about its next iteration at its end", "use for … in range(…) where the number of iterations is known")
REASON(Break,        "break",             "an iteration can end the loop", "")
REASON(ShortTrip,    "short",             "it has too few iterations to be worth a choice", "")

/* ---- interpreted: not a nest ---- */
REASON(CallUnknown,  "unknown-call",      "it calls something that is neither a function of the program that can be inlined nor a known elementary function", "move the call out of the loop")
REASON(CallRecursive,"recursive-call",    "it calls a function that calls itself", "")
REASON(Print,        "input-output",      "it prints, reads or raises", "move it out of the inner loops")
REASON(Container,    "container",         "it uses a list, tuple, string or another object that is not a number or an array", "use an array")
REASON(WholeArray,   "whole-array",       "it works on whole arrays or slices at once", "write the loop over the elements")
REASON(NotIterable,  "iteration",         "it iterates over something that is not a range or an array, or an enumerate, zip or reversed of them", "")
REASON(NotNumber,    "not-a-number",      "a variable or expression is not a number or an array", "")
REASON(TypeChanges,  "type-changes",      "a variable has different types in different iterations or branches, which compute differently", "initialise the variable with the type it has later, for example 0.0 instead of 0")
REASON(MaybeUnbound, "maybe-unbound",     "a variable may be read before it is assigned", "assign the variable before the loop")
REASON(ArrayChanges, "array-changes",     "a variable names different arrays in different iterations", "")
REASON(Statement,    "statement",         "it contains a statement that is not compiled", "")
REASON(Expression,   "expression",        "it contains an expression that is not compiled", "")
REASON(TooDeep,      "too-deep",          "more than 8 loops are nested", "")
REASON(TooLarge,     "too-large",         "the nest is too large to analyse", "split it into functions")
REASON(NoMemory,     "no-memory",         "there was no memory for the analysis", "")
REASON(OuterNotNest, "enclosing-loop",    "the loop around it runs as one nest with it", "")

/* ---- interpreted: this execution ---- */
REASON(GuardBounds,  "guard-bounds",      "a subscript leaves its array in this execution", "")
REASON(GuardOverflow,"guard-overflow",    "an integer may leave 64 bits in this execution", "")
REASON(GuardStep,    "guard-step",        "the step of a range is zero", "")
REASON(GuardReadonly,"guard-read-only",   "it writes to a read-only array", "")
REASON(GuardArray,   "guard-array",       "an array overlaps itself (a broadcast view)", "copy the array")
REASON(CheckFailed,  "check-failed",      "a check failed while it ran: what it had written was undone and the interpreter ran it again", "")
REASON(Small,        "small",             "it is too small to pay for anything but interpretation", "")
REASON(NoBackEnd,    "no-back-end",       "there is nothing that compiles it; the interpreter ran it", "")
REASON(NotReady,     "not-ready",         "its code was being compiled meanwhile", "")
REASON(SwitchedOff,  "switched-off",      "the analysis is switched off", "")
REASON(Changing,     "changing-types",    "its variables have had too many different types", "")
REASON(NotReached,   "not-reached",       "it was not reached in this run", "")

/* ---- why here, of all devices ---- */
REASON(Fastest,      "fastest",           "it is expected to take the least time", "")
REASON(DataOnHost,   "data-on-host",      "the GPU computes it faster, but copying its arrays there would take longer than that wins", "let more loops that use these arrays follow each other, without looking at the arrays in between")
REASON(DataOnDevice, "data-on-device",    "its arrays are on the GPU, and bringing them back would take longer than that wins", "")
REASON(NotPaid,      "not-paid-yet",      "something faster would have to be compiled or opened first, and has not been missed for long enough to pay for that", "")
REASON(OtherDigits,  "gpu-functions",     "it calls functions whose last digits are others on a GPU, so that its results would depend on where it runs", "run it with --device=gpu, or with --fp=fast, if the last digits are of no matter")
REASON(OtherGpu,     "other-gpu",         "another GPU is expected to win more over all loops so far", "")
REASON(GpuInUse,     "other-gpu-in-use",  "another GPU is in use: an interpreter uses one", "")
REASON(Trial,        "trial",             "to find out whether it is faster than expected", "")
REASON(Random,       "random",            "chosen at random, as asked for", "")
